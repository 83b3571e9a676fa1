"""Words that deals, owners and options are made of. All invented."""

from __future__ import annotations

FIRST_NAMES = (
    "Amira", "Bogdan", "Chiara", "Dmitri", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Liam",
    "Maren", "Noor", "Oskar", "Priya", "Quinn", "Rosa", "Stefan", "Tuva",
)  # fmt: skip
LAST_NAMES = (
    "Adeyemi", "Bauer", "Costa", "Dubois", "Eriksen", "Fontana", "Garcia", "Haddad", "Ivanova", "Jansen", "Kowalski",
    "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Rossi", "Schmidt", "Tanaka", "Varga",
)  # fmt: skip
COMPANY_HEADS = (
    "Northwind", "Aurora", "Bluepeak", "Cedar", "Delta", "Evergreen", "Falcon", "Granite", "Harbor", "Indigo",
    "Juniper", "Kestrel", "Lumen", "Meridian", "Nimbus", "Orchard", "Pioneer", "Quartz", "Riverside", "Summit",
    "Tidal", "Umbra", "Vertex", "Willow", "Zephyr", "Müller", "Łódź", "São Bento",
)  # fmt: skip
COMPANY_TAILS = (
    "Logistics", "Robotics", "Foods", "Health", "Energy", "Textiles", "Labs", "Media", "Systems", "Partners", "Optics",
    "Marine", "Motors", "Analytics", "Ceramics", "Insurance",
)  # fmt: skip
SUBJECTS = (
    "annual licence", "pilot", "expansion", "renewal", "migration project", "support contract", "rollout phase 2",
    "training package", "hardware refresh", "platform upgrade", "framework agreement", "proof of concept",
)  # fmt: skip
NEXT_STEPS = (
    "Call back on Monday",
    "Send revised offer",
    "Legal review",
    "Wait for budget",
    "Demo with IT",
    None,
    None,
)
DESCRIPTIONS = (
    "Came in through the spring campaign.",
    'Buyer said "we start in Q3", see notes.\nSecond line: needs SSO & SLA <99.9 %>.',
    "Prix à confirmer; livraison à Zürich.",
    None,
    None,
    None,
)
LOST_REASONS = ("Price", "No decision", "Chose competitor", "Project cancelled")
ANALYTICS_SOURCES = ("ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "REFERRALS", "OFFLINE", "DIRECT_TRAFFIC")
CAMPAIGNS = ("spring-2024", "partner-day", "newsletter", "CRM_UI", "IMPORT", "webinar")
COMPETITORS = ("acme", "globex", "initech", "none")
PAYMENT_TERMS = ("net_14", "net_30", "net_60", "prepaid")
SUPPORT_TIERS = ("basic", "plus", "premium")
PRODUCTS = ("core", "analytics", "mobile", "connectors", "sandbox")
