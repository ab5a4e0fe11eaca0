"""Tokens that begin with a prefix of their issuer: kind, prefix, and a pattern of what follows.

Each has the name of the issuer's page that documents it.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["PREFIXED", "Kind"]

Kind = Literal["key", "token", "private-key", "password", "e-mail"]
"""What an export says in place of a secret."""

_WORD = "[A-Za-z0-9_-]"
PREFIXED: tuple[tuple[Kind, str, str], ...] = (
    # OpenAI, Anthropic (sk-ant-), OpenRouter (sk-or-), DeepSeek: "API keys" of their references
    ("key", "sk-", rf"(?=[A-Za-z_-]{{0,80}}\d){_WORD}{{20,300}}"),
    # AWS, IAM user guide, "unique identifiers": AKIA is a long-term key, ASIA a temporary one
    ("key", "AKIA", r"[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("key", "ASIA", r"[A-Z2-7]{16}(?![A-Za-z0-9])"),
    # Google Cloud, "Manage API keys" and "OAuth 2.0": API key, client secret, access token
    ("key", "AIza", rf"{_WORD}{{35}}(?![A-Za-z0-9])"),
    ("key", "GOCSPX-", rf"{_WORD}{{28}}(?![A-Za-z0-9])"),
    ("token", "ya29.", rf"{_WORD}{{20,2000}}"),
    # Stripe, "API keys" and "Webhooks"
    ("key", "sk_live_", "[A-Za-z0-9]{16,250}"),
    ("key", "sk_test_", "[A-Za-z0-9]{16,250}"),
    ("key", "rk_live_", "[A-Za-z0-9]{16,250}"),
    ("key", "rk_test_", "[A-Za-z0-9]{16,250}"),
    ("key", "whsec_", "[A-Za-z0-9+/=]{24,100}"),
    # Groq, xAI, Perplexity, Replicate, SendGrid: the pages of their API keys
    ("key", "gsk_", "[A-Za-z0-9]{40,80}"),
    ("key", "xai-", "[A-Za-z0-9]{60,120}"),
    ("key", "pplx-", "[A-Za-z0-9]{40,80}"),
    ("key", "r8_", "[A-Za-z0-9]{37}(?![A-Za-z0-9])"),
    ("key", "SG.", rf"{_WORD}{{22}}\.{_WORD}{{43}}"),
    # NVIDIA, Tavily, Pinecone, LangSmith, Cerebras, Jina, Firecrawl: the same
    ("key", "nvapi-", rf"{_WORD}{{60,80}}"),
    ("key", "tvly-", "[A-Za-z0-9-]{28,60}"),
    ("key", "pcsk_", "[A-Za-z0-9_]{40,100}"),
    ("key", "lsv2_", "(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    ("key", "csk-", "[a-z0-9]{40,60}"),
    ("key", "jina_", rf"{_WORD}{{40,80}}"),
    ("key", "fc-", "[a-f0-9]{32}(?![A-Za-z0-9])"),
    # age: its identities
    ("private-key", "AGE-SECRET-KEY-1", "[A-Z0-9]{58}"),
    # GitHub, "About authentication to GitHub", on the formats of tokens
    *(("token", f"gh{each}_", r"[A-Za-z0-9]{36,255}") for each in "pousr"),
    ("token", "github_pat_", "[A-Za-z0-9_]{36,255}"),
    # GitLab, "Token overview", on prefixes
    *(
        ("token", f"gl{each}-", r"[A-Za-z0-9_.-]{20,300}")
        for each in ("pat", "oas", "dt", "rt", "cbt", "ptt", "ft", "imt", "agent", "soat")
    ),
    # Slack, "Token types"
    *(("token", f"xox{each}-", r"[A-Za-z0-9-]{10,300}") for each in "abcdeoprs"),
    ("token", "xapp-", "[A-Za-z0-9-]{20,300}"),
    # npm ("About access tokens"), PyPI (macaroons), Hugging Face ("User access tokens")
    ("token", "npm_", "[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    ("token", "pypi-", rf"AgE{_WORD}{{50,1000}}"),
    ("token", "hf_", "[A-Za-z0-9]{34,40}(?![A-Za-z0-9])"),
    # Docker, DigitalOcean, HashiCorp Vault, Linear, Notion, Shopify, Databricks: their references
    ("token", "dckr_pat_", rf"{_WORD}{{20,60}}"),
    *(("token", f"do{each}_v1_", "[a-f0-9]{64}") for each in "opr"),
    ("token", "hvs.", rf"{_WORD}{{24,300}}"),
    ("token", "lin_api_", "[A-Za-z0-9]{32,64}"),
    ("token", "ntn_", "[A-Za-z0-9]{40,60}"),
    ("token", "shpat_", "[a-fA-F0-9]{32}"),
    ("token", "dapi", "[a-f0-9]{32}(?![A-Za-z0-9])"),
    # RFC 7519: two JSON objects and a signature, as base64url
    ("token", "eyJ", rf"{_WORD}{{8,4000}}\.eyJ{_WORD}{{8,16000}}\.{_WORD}{{0,2000}}"),
)
