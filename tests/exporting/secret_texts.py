"""Texts with one secret each, made here so that no scanner takes them for real; and ordinary ones.

A secret is written as its pieces: none of these lines holds a whole one.
"""

HEX = "0123456789abcdef" * 4
MIXED = "aB3dE5gH7jK9mN2pQ4sT6vW8xY1zC0fL" * 4
PEM = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ" + MIXED[:14]


def pem(what: str, line_end: str = "\n") -> str:
    return line_end.join([f"-----BEGIN {what}-----", PEM, PEM, f"-----END {what}-----"])


SECRETS = {
    "key": [
        "sk-" + MIXED[:48],
        "sk-" + "ant-api03-" + MIXED[:90],
        "sk-" + "or-v1-" + HEX,
        "sk-" + "proj-" + MIXED[:40] + "_" + MIXED[:40],
        "AK" + "IAIOSFODNN7EXAMPLE",
        "AS" + "IAIOSFODNN7EXAMPLE",
        "AI" + "za" + MIXED[:35],
        "GO" + "CSPX-" + MIXED[:28],
        "sk_" + "live_" + MIXED[:24],
        "rk_" + "test_" + MIXED[:24],
        "whsec" + "_" + MIXED[:32],
        "gsk" + "_" + MIXED[:52],
        "xai" + "-" + MIXED[:80],
        "pplx" + "-" + MIXED[:48],
        "r8" + "_" + MIXED[:37],
        "SG" + "." + MIXED[:22] + "." + MIXED[:43],
        "nvapi" + "-" + MIXED[:64],
        "tvly" + "-dev-" + MIXED[:32],
        "pcsk" + "_" + MIXED[:6] + "_" + MIXED[:60],
        "lsv2" + "_pt_" + HEX[:32] + "_" + HEX[:10],
        "csk" + "-" + HEX[:48],
        "jina" + "_" + HEX[:32] + MIXED[:28],
        "fc" + "-" + HEX[:32],
    ],
    "token": [
        "ya29" + "." + MIXED[:60],
        *("gh" + each + "_" + MIXED[:36] for each in "pousr"),
        "github" + "_pat_" + MIXED[:22] + "_" + MIXED[:59],
        "glpat" + "-" + MIXED[:20],
        "xoxb" + "-123456789012-1234567890123-" + MIXED[:24],
        "xapp" + "-1-A0123456789-1234567890123-" + HEX,
        "npm" + "_" + MIXED[:36],
        "pypi" + "-AgEIcHlwaS5vcmc" + MIXED,
        "hf" + "_" + MIXED[:34],
        "dckr" + "_pat_" + MIXED[:27],
        "dop" + "_v1_" + HEX,
        "hvs" + "." + MIXED[:90],
        "lin" + "_api_" + MIXED[:40],
        "ntn" + "_" + MIXED[:46],
        "shpat" + "_" + HEX[:32],
        "dapi" + HEX[:32],
        "ey" + "J" + MIXED[:30] + ".ey" + "J" + MIXED[:60] + "." + MIXED[:43],
        "12345" + "67890:AA" + MIXED[:33],
        "MTk4Nj" + "IyNDgzNDcxOTI1MjQ4" + ".Cl2FMQ." + MIXED[:27],
    ],
    "private-key": [
        "AGE-SECRET-KEY-1" + MIXED[:58].upper(),
        pem("PRIVATE KEY"),
        pem("RSA PRIVATE KEY"),
        pem("OPENSSH PRIVATE KEY", "\r\n"),
        pem("PGP PRIVATE KEY BLOCK"),
        pem("EC PRIVATE KEY", "\\n"),
        pem("ENCRYPTED PRIVATE KEY", "%0A"),
        pem("PRIVATE KEY").rsplit("\n", 1)[0],  # its end was cut off
    ],
    "e-mail": [
        "ada@example.org",
        "ada.lovelace+hermes@mail.example.co.uk",
        "jürgen@müller.example",
        "ada%40example.org",
        "ada\\u0040example.org",
        "ada&#64;example.org",
    ],
}
"""By kind. Nothing around them is needed to know them."""

NAMED = {
    "password": [
        ("postgresql+psycopg://hermes:", "s3cr3t-Word", "@db.example:5432/store"),
        ("https:\\/\\/ada:", "s3cr3t", "@example.org\\/"),
        ("amqps%3A%2F%2Fada%3A", "s3cr3t", "%40example.org%2F"),
        ("DB_PASSWORD=", "correcthorse", "\nNEXT=1"),
        ('password = "', "s3cr3t", '"'),
        ("{'password': '", "s3cr3t", "'}"),
        ('{\\"passwd\\": \\"', "s3cr3t", '\\"}'),
        ("mysql --password=", "s3cr3t", " -e 'select 1'"),
        ("Server=db;Uid=ada;Pwd=", "s3cr3t", ";"),
        ("?user=ada&password=", "s3cr3t", "&x=1"),
        ("passphrase: ", "s3cr3t-w0rd", ""),
    ],
    "key": [
        ("aws_secret_access_key = ", MIXED[:40], "\n"),
        ('"api_key": "', HEX[:32], '"'),
        ("x-api-key: ", HEX[:32], "\r\nHost: a"),
        ("client_secret=", MIXED[:20], "&grant_type=x"),
    ],
    "token": [
        ("Authorization: Bearer ", MIXED[:32], ""),
        ('-H \\"Authorization: Bearer ', MIXED[:32], '\\"'),
        ("Authorization: Basic ", "YWRhOnMzY3IzdC13b3Jk", "\n"),
        ("Cookie: ", "sid=31d4d96e407aad42; theme=light", "\r\nAccept: */*"),
        ("?access_token=", MIXED[:32], "&page=2"),
        ("https://hooks.slack.com/services/", "T00000000/B00000000/" + MIXED[:24], ""),
    ],
}
"""By kind: what stands before the secret and tells it, the secret, and what follows."""

ORDINARY = [
    "The password is asked for twice; a token is a piece of a word, and a key opens a door.",
    "Tokens: 1234567 in, 890 out. max_tokens=4096, token_count: 128000",
    "commit 4f2a9c1e8b7d6a5f4e3d2c1b0a9f8e7d6c5b4a39 fixes e83c5163316f89bfbde7d9ab23ca2e25604af290",
    "id 123e4567-e89b-12d3-a456-426614174000, sha256:" + HEX,
    "integrity sha512-" + "q7y" * 20 + "==",
    "git clone git@github.com:owner/project.git && ssh root@10.0.0.1",
    "uses: actions/checkout@v4 with react@18.2.0 and @scope/package@1.2.3-beta.1",
    "logo@2x.png, @app.route('/x'), @dataclass, x @ y, a@b",
    "password = getpass.getpass(); api_key=os.environ['API_KEY']; token=None",
    "def login(user: str, password: str, token: Token | None = None) -> Session:",
    'password: "${DB_PASSWORD}", secret: "<your secret>", token: "{{ token }}"',
    "PASSWORD=$DB_PASSWORD PGPASSWORD=${PG} curl -u $USER:$PASS",
    "https://example.org:8080/a?b=c#d http://localhost:3000/users/@me",
    "PWD=/home/ada/project1 OLDPWD=/srv/2026",
    "sk-circle-fade-dot-long-name-of-a-class { color: red }  .sk-chasing-dots-and-more-words",
    "-----BEGIN CERTIFICATE-----\n" + PEM + "\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\n" + PEM + "\n-----END PUBLIC KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + MIXED[:43],
    "data:image/png;base64," + MIXED * 3,
    "basic authentication and bearer of good internationalization",
    "The secret of good code: readability. Secret santa 2026: bring a gift.",
    "Passwort: siehe Zettel. パスワードは秘密です。密码: 无",
    "ghp_short, xoxb-, AKIA, eyJ, sk-learn, hf_hub, npm_config_registry, glpat-",
    "call_6b1f toolu_01A09q90qw90lq917835lq9 chatcmpl-" + MIXED[:29],
    "M1.example.com, OxfordUniversityPressBooks.co.uk/NewestBooksOfAllTheYears, Cookie: a small file",
    "`Access Token`: https://tools.ietf.org/html/rfc6749; password = base64.b64encode(x)[:40]; pwd: :****",
    "secretary: Ms Keynes; tokenizer = AutoTokenizer(); keyboard: 104keys",
]
"""Nothing here is a secret."""
