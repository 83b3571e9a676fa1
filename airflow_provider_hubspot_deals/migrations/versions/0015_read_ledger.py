"""Loaders may read the ledger: whether a batch is stored whose COMMIT was never answered stands there."""

from alembic import op

revision = "0015"
down_revision = "0014"
readers_wait = False

APPEND = "= 'job_batches' THEN '{INSERT}'"
APPEND_AND_READ = "= 'job_batches' THEN '{SELECT,INSERT}'"


def upgrade() -> None:
    op.execute(_change_privileges(APPEND, APPEND_AND_READ))
    op.execute("""
DO $$
BEGIN
    PERFORM give_loader('job_batches'::regclass, role) FROM unnest(loaders()) AS role;
END $$;
    """)


def downgrade() -> None:
    op.execute(_change_privileges(APPEND_AND_READ, APPEND))
    op.execute("""
DO $$
DECLARE
    role regrole;
BEGIN
    FOR role IN SELECT unnest(loaders()) EXCEPT SELECT relowner::regrole FROM pg_class WHERE oid = 'job_batches'::regclass LOOP
        EXECUTE format('REVOKE SELECT ON job_batches FROM %s', role);
    END LOOP;
END $$;
    """)


def _change_privileges(privileges: str, instead: str) -> str:
    """Those on the ledger. The function's other lines stay as the revisions before left them."""
    before, after = (line.replace("'", "''") for line in (privileges, instead))
    return f"""
DO $$
DECLARE
    written text := pg_get_functiondef('loader_privileges(regclass)'::regprocedure);
BEGIN
    IF strpos(written, '{before}') = 0 THEN
        RAISE EXCEPTION 'loader_privileges() is not as revision 0011 left it';
    END IF;
    EXECUTE replace(written, '{before}', '{after}');
END $$;
    """
