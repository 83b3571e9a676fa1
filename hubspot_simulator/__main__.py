"""``python -m hubspot_simulator --portals FILE.toml``: a local HubSpot until Ctrl-C."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from hubspot_simulator.journal import StateFileError
from hubspot_simulator.server import SimulatorServer
from hubspot_simulator.specification import PortalSpec, SpecificationError, load_portals


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        portals = load_portals(options.portals, seed=options.seed) if options.portals else (_example(options.seed),)
        server = SimulatorServer(
            portals,
            host=options.host,
            port=options.port,
            rate_limits=not options.no_rate_limits,
            latency_ms=options.latency_ms,
            gzip=options.gzip,
            state=options.state,
        )
    except (SpecificationError, StateFileError, OSError) as error:
        sys.stderr.write(f"hubspot_simulator: {error}\n")
        return 1
    _announce(server, portals)
    gc.freeze()  # the generated deals are here to stay; no collection needs to look at them again
    server.run()
    return 0


def _announce(server: SimulatorServer, portals: tuple[PortalSpec, ...]) -> None:
    lines = [f"HubSpot simulator on {server.base_url}, control API under /_control/"]
    lines += [f"  portal {each.portal_id}  {each.name}: {each.deals:,} deals, {each.account_type}" for each in portals]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _example(seed: int | None) -> PortalSpec:
    return PortalSpec(portal_id=1001, name="Example", seed=seed or 1, token="pat-na1-example")  # noqa: S106 - invented


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hubspot_simulator", description="A faithful local HubSpot.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8090, help="0 chooses a free one (default: %(default)s)")
    parser.add_argument("--portals", type=Path, metavar="FILE.toml", help="portals to serve; without it one example")
    parser.add_argument("--seed", type=int, help="seed of portals that name none")
    parser.add_argument("--no-rate-limits", action="store_true", help="announce and enforce limits nobody reaches")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="delay of each answer")
    parser.add_argument("--gzip", action="store_true", help="compress for clients that accept it, as HubSpot does")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep changes in FILE and continue from it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
