"""Secrets that nobody else uses, with characters that every encoding writes differently."""

from __future__ import annotations

PRIVATE_APP = "pat-eu1-c4n/Ry+Zq8.Wv~31/xK7d+Ub_09.Pm~55-Hs2/Gt"
CLIENT_ID = "canary-client-id"
CLIENT_SECRET = "9s\"Vb\\4r&Tt%7y/Qm+Kd=3x?Zu'6w#Lp"
REFRESH_TOKEN = "eu1-rf\"Hc\\8n&Jb%5v/Xs+Wq=2e?Mt'4k#Yo"
DATABASE_PASSWORD = "db\"Gx\\7m&Fn%3c/Zp+Vr=8t?Ky'1j#Bw"

CANARIES = {
    "private app token": PRIVATE_APP,
    "OAuth client secret": CLIENT_SECRET,
    "OAuth refresh token": REFRESH_TOKEN,
    "database password": DATABASE_PASSWORD,
}
