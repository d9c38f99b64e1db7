"""The shapes of the tokens that providers issue, and of other secrets that say what they are. Data; users add.

Prefixes and lengths are the providers' own, as their documentation and the public rule sets of secret scanners have
them. A prefix that stands in ordinary words too is taken only with the exact length behind it.
"""

from __future__ import annotations

import re

from replaykit.sanitizer.shapes import EMAIL, Rule, grouped

_SHORTEST = 13  # characters; no rule below matches anything shorter


def _token(kind: str, prefix: str, rest: str, *literals: str, keeps: str = "", marks: str = "") -> Rule:
    """A token that begins with `prefix`, which stays; given `keeps`, that stays, and given `marks`, these do, too."""
    # Not inside a longer word: `task-` is no `sk-`, and base64 is full of short prefixes.
    pattern = re.compile(rf"(?<![A-Za-z0-9_-]){prefix}{rest}(?![A-Za-z0-9_])")
    kept, further = re.compile(keeps or prefix), re.compile(marks) if marks else None
    return Rule(kind, pattern, literals, kept, further, reach=0, shortest=_SHORTEST)


def _address(kind: str, prefix: str, rest: str, *literals: str) -> Rule:
    pattern = re.compile(rf"{prefix}(?P<secret>{rest})(?![\w-])")
    return Rule(kind, pattern, literals, reach=0, shortest=_SHORTEST)


_STRIPE = tuple(f"{owner}k_{mode}_" for owner in "rsp" for mode in ("live", "test"))

_GITLAB = tuple(f"gl{owner}-" for owner in ("pat", "dt", "rt", "cbt", "soat", "ffct", "oas"))
_FLUTTERWAVE = tuple(f"FLW{kind}K{mode}-" for kind in ("SEC", "PUB") for mode in ("", "_TEST"))
_HONEYCOMB = tuple(f"hc{kind}_" for kind in ("aik", "aic", "alk", "bik", "blk", "xik", "xlk"))
_SLACK = ("/services/T", "/workflows/T", "/triggers/T")
_SHOPIFY = ("shpat_", "shpca_", "shppa_", "shpss_")

# With its end, whatever is in it (an encrypted one has headers); cut, as far as it is base64, with or without escapes.
PRIVATE_KEY = Rule(
    "private_key",
    re.compile(
        r"-{4,5} ?BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)? ?-{4,5}+(?P<secret>"
        r"(?![^-]{0,15}-{4})(?:[^-]++|-(?!-{3}))++(?=-{4,5} ?END)"
        r"|(?:\s|\\{1,4}[nr ]?)*+(?:[A-Za-z0-9+/=]{12,}|(?:Proc-Type|DEK-Info|Version|Comment): ?[\w,. ()-]+)"
        r"(?:\s|\\{1,4}[nr ]?|[A-Za-z0-9+/=]{12,}|(?:Proc-Type|DEK-Info|Version|Comment): ?[\w,. ()-]+)*+"
        r"[A-Za-z0-9+/=]*)"
    ),
    ("PRIVATE KEY",),
    reach=42,
    lead=re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,30}\Z"),
    shortest=_SHORTEST,
)

# For a prefix that is a word, too: behind it stand letters of both sizes and digits.
_MIXED = r"(?=[\w-]{0,80}\d)(?=[\w-]{0,80}[A-Z])"

RULES: tuple[Rule, ...] = (
    _token("anthropic_key", r"sk-ant-(?:[a-z]+\d+-)?", r"[\w-]{20,}", "sk-ant-"),
    # Others call theirs `sk-or-v1-`, `sk-lf-`: small letters, and a version. In the middle stands "OpenAI" in base64.
    _token(
        "openai_key",
        r"sk-(?:proj-|svcacct-|admin-|None-)?",
        r"[\w-]{20,}",
        "sk-",
        keeps=r"sk-(?:None-|[a-z]{2,8}-)?(?:v\d{1,2}-)?",
        marks="T3BlbkFJ",
    ),
    _token("google_key", r"AIza", r"[\w-]{35}", "AIza"),
    _token("google_key", r"AQ\.", r"[\w-]{40,}", "AQ."),
    _token("google_oauth", r"ya29\.", r"[\w.-]{19,}[\w-]", "ya29.", keeps=r"ya29\.(?:a0|c\.)?"),
    _token("github_token", r"gh[oprsu]_", r"[A-Za-z0-9]{36,}", "ghp_", "gho_", "ghr_", "ghs_", "ghu_"),
    _token("github_token", r"github_pat_", r"\w{22,}", "github_pat_", keeps="github_pat_(?:11)?"),
    _token("gitlab_token", r"gl(?:pat|dt|rt|cbt|soat|ffct|oas)-(?:t\d_)?", r"[\w-]{20,}", *_GITLAB),
    _token("gitlab_token", r"glimt-", r"[\w-]{25}", "glimt-"),
    _token("gitlab_token", r"glptt-", r"[0-9a-f]{40}", "glptt-"),
    _token(
        "gitlab_token",
        r"gl(?:rt|ft|wt|agent)-",
        r"[\w-]{20,}(?:\.[\w-]{2,}){0,2}",
        "glrt-",
        "glft-",
        "glwt-",
        "glagent-",
        keeps=r"gl[a-z]+-(?:t\d_)?",
    ),
    _token("gitlab_token", r"GR1348941", r"[\w-]{20,}", "GR1348941"),
    _token("slack_token", r"xox[abceoprs]-", r"[\w-]{10,}", *(f"xox{kind}-" for kind in "abceoprs")),
    _token("slack_token", r"xoxe\.xox[bp]-(?:\d-)?", r"[\w-]{10,}", "xoxe.xoxb-", "xoxe.xoxp-"),
    _token("slack_token", r"xapp-\d-", r"[\w-]{20,}", "xapp-"),
    _token("aws_key_id", r"A(?:KIA|SIA|BIA|CCA)", r"[A-Z0-9]{16}", "AKIA", "ASIA", "ABIA", "ACCA"),
    _token("hugging_face_token", r"hf_", r"[A-Za-z0-9]{30,40}", "hf_"),
    _token("groq_key", r"gsk_", r"[A-Za-z0-9]{40,}", "gsk_"),
    _token("perplexity_key", r"pplx-", r"[A-Za-z0-9]{40,}", "pplx-"),
    _token("xai_key", r"xai-", r"[A-Za-z0-9]{40,}", "xai-"),
    _token("replicate_token", r"r8_", r"[A-Za-z0-9]{30,}", "r8_"),
    _token("tavily_key", r"tvly-(?:dev-|prod-)?", r"[\w-]{20,}", "tvly-"),
    _token("langsmith_key", r"lsv2_(?:pt|sk)_", r"\w{30,}", "lsv2_"),
    _token("stripe_key", r"[rsp]k_(?:live|test)_", r"[A-Za-z0-9]{16,}", *_STRIPE),
    _token("sendgrid_key", r"SG\.", r"[\w=-]{16,}\.[\w=-]{16,}", "SG."),
    _token("google_oauth", r"GOCSPX-", r"[\w-]{28}", "GOCSPX-"),
    _token("digitalocean_token", r"do[opr]_v1_", r"[0-9a-f]{64}", "doo_v1_", "dop_v1_", "dor_v1_"),
    _token("databricks_token", r"dapi", r"[0-9a-f]{32}(?:-\d)?", "dapi", marks=r"-\d\Z"),
    _token("notion_token", r"ntn_", r"[A-Za-z0-9]{40,}", "ntn_"),
    _token("npm_token", r"npm_", r"[A-Za-z0-9]{36}", "npm_"),
    # For which index it is stands first in it, in base64.
    _token(
        "pypi_token",
        r"pypi-",
        r"[\w-]{50,}",
        "pypi-",
        keeps="pypi-(?:AgEIcHlwaS5vcmc|AgENdGVzdC5weXBpLm9yZw)?",
    ),
    _token("shopify_token", r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}", *_SHOPIFY),
    _token("docker_token", r"dckr_[op]at_", r"[\w-]{20,}", "dckr_pat_", "dckr_oat_"),
    _token("doppler_token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]+\.)?", r"[A-Za-z0-9]{40,44}", "dp."),
    _token("vault_token", r"hv[bsr]\.", r"[\w-]{24,}", "hvs.", "hvb.", "hvr.", keeps=r"hv[bsr]\.(?:CAES)?"),
    _token("sentry_token", r"sntry[su]_", r"[\w+/=-]{40,}", "sntrys_", "sntryu_"),
    _token("stripe_key", r"whsec_", r"[A-Za-z0-9+/]{24,}", "whsec_"),
    _token("linear_key", r"lin_(?:api|oauth)_", r"[A-Za-z0-9]{32,}", "lin_api_", "lin_oauth_"),
    _token("figma_token", r"figd_", r"[\w-]{36,}", "figd_"),
    _token("resend_key", r"re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}", "re_"),
    _token("mailgun_key", r"key-", r"[0-9a-f]{32}", "key-"),
    _token("brevo_key", r"xkeysib-", r"[0-9a-f]{64}-\w{16}", "xkeysib-"),
    _token("twilio_key", r"SK", r"[0-9a-z]{32}", "SK"),
    _token("nvidia_key", r"nvapi-(?:stg-)?", r"[\w-]{40,}", "nvapi-"),
    _token("fireworks_key", r"fw_", r"[A-Za-z0-9]{22,}", "fw_"),
    _token("together_key", r"tgp_v\d_", r"[\w-]{32,}", "tgp_v"),
    _token("elevenlabs_key", r"sk_", r"[0-9a-f]{48}", "sk_"),
    _token("jina_key", r"jina_", r"[\w-]{40,}", "jina_"),
    _token("firecrawl_key", r"fc-", r"[0-9a-f]{32}", "fc-"),
    _token("pinecone_key", r"pcsk_", r"[\w-]{40,}", "pcsk_"),
    _token("posthog_key", r"phx_", r"[A-Za-z0-9]{32,}", "phx_"),
    _token("supabase_key", r"sb(?:p_(?:v0_|oauth_)?|_secret_)", r"[\w-]{20,}", "sbp_", "sb_secret_"),
    _token("airtable_token", r"pat[A-Za-z0-9]{14}\.", r"[0-9a-f]{64}", "pat"),
    _token("postman_key", r"PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}", "PMAK-"),
    _token("new_relic_key", r"NRAK-", r"[A-Z0-9]{27}", "NRAK-"),
    _token("grafana_token", r"gl(?:c_|sa_)", r"[\w+/=-]{32,}", "glc_", "glsa_"),
    _token("pulumi_token", r"pul-", r"[0-9a-f]{40}", "pul-"),
    _token("tailscale_key", r"tskey-[a-z]+-", r"[\w-]{20,}", "tskey-"),
    _token("netlify_token", r"nfp_", r"[A-Za-z0-9]{36,}", "nfp_"),
    _token("rubygems_key", r"rubygems_", r"[0-9a-f]{48}", "rubygems_"),
    _token("fly_token", r"f[mo][12][ar]?_", r"[\w+/=-]{40,}", "fm1a_", "fm1r_", "fm2_", "fo1_"),
    _token("aws_bedrock_key", r"ABSK", r"[A-Za-z0-9+/]{100,}={0,2}", "ABSK"),
    _token("google_oauth", r"1//0", r"[\w-]{40,}", "1//0"),
    # Short prefixes with the exact length behind them, and long prefixes.
    _token("adobe_secret", r"p8e-", r"[A-Za-z0-9]{32}", "p8e-"),
    _token("age_key", r"AGE-SECRET-KEY-1", r"[0-9A-Z]{58}", "AGE-SECRET-KEY-1"),
    _token("alibaba_key_id", r"LTAI", r"[A-Za-z0-9]{16,20}", "LTAI", keeps="LTAI(?:5t)?"),
    _token("apify_token", r"apify_(?:api|proxy)_", r"[A-Za-z0-9]{30,}", "apify_"),
    _token("asana_token", r"[12]/\d{13,20}(?:/\d{13,20})?:", r"[0-9a-f]{32}", "1/", "2/"),
    _token(
        "atlassian_token",
        r"AT(?:ATT|CTT|BB)",
        r"[\w=-]{24,}",
        "ATATT",
        "ATCTT",
        "ATBB",
        keeps="AT(?:(?:ATT|CTT)(?:3xFf[A-Z][A-Z]0)?|BB)",
    ),
    _token("axiom_token", r"xa[ap]t-", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "xaat-", "xapt-"),
    _token("buildkite_token", r"bk(?:ua|at|ct|pt)_", r"[0-9a-f]{40}", "bkua_", "bkat_", "bkct_", "bkpt_"),
    _token("cerebras_key", r"csk-", r"[a-z0-9]{40,}", "csk-"),
    _token("circleci_token", r"CCIP(?:AT|RJ)_", r"\w{22,}", "CCIPAT_", "CCIPRJ_"),
    _token("clojars_token", r"CLOJARS_", r"[0-9a-z]{60}", "CLOJARS_"),
    _token("cloudflare_key", r"v1\.0-", r"[0-9a-f]{24}-[0-9a-f]{146}", "v1.0-"),
    _token("defined_networking_key", r"dnkey-", r"[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}", "dnkey-"),
    _token("dropbox_token", r"sl\.(?:u\.)?", r"[\w-]{130,}={0,2}", "sl."),
    _token("duffel_token", r"duffel_(?:test|live)_", r"[\w=-]{43}", "duffel_"),
    _token(
        "dynatrace_token",
        r"dt0[cs]\d{2}\.",
        r"[A-Z0-9a-z]{24}\.[A-Za-z0-9]{64}",
        "dt0c01.",
        "dt0s01.",
        "dt0s06.",
        "dt0s16.",
    ),
    _token("e2b_key", r"e2b_", r"[0-9a-f]{40}", "e2b_"),
    _token("easypost_key", r"EZ[AT]K", r"[A-Za-z0-9]{54}", "EZAK", "EZTK"),
    _token(
        "flutterwave_key", r"FLW(?:SECK|PUBK)(?:_TEST)?-", r"[0-9a-zA-Z]{12,40}(?:-X)?", *_FLUTTERWAVE, marks=r"-X\Z"
    ),
    _token("frameio_token", r"fio-u-", r"[\w=-]{64}", "fio-u-"),
    _token("gocardless_token", r"(?:live|sandbox)_" + _MIXED, r"[\w=-]{40}", "live_", "sandbox_"),
    _token("harness_key", r"(?:pat|sat)\.", r"[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}", "pat.", "sat."),
    _token("heroku_key", r"HRKU-", r"[\w-]{36,}", "HRKU-", keeps="HRKU-(?:AA)?"),
    _token("honeycomb_key", r"hc[abx][il][ck]_", r"[a-z0-9]{58}", *_HONEYCOMB),
    _token("hubspot_token", r"pat-(?:na|eu)\d-", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "pat-na", "pat-eu"),
    _token("hugging_face_token", r"api_org_", r"[A-Za-z]{34}", "api_org_"),
    _token("infracost_key", r"(?<!\.)ico-", r"[A-Za-z0-9]{32}(?!\.\w)", "ico-"),
    _token("langfuse_key", r"[sp]k-lf-", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "sk-lf-", "pk-lf-"),
    _token(
        "launchdarkly_key", r"(?:sdk|mob|api)-", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "sdk-", "mob-", "api-"
    ),
    _token("llama_cloud_key", r"llx-", r"[A-Za-z0-9]{40,}", "llx-"),
    _token("lob_key", r"(?:live|test)_(?:pub_)?", r"[0-9a-f]{31,35}", "live_", "test_"),
    _token("logfire_token", r"pylf_v\d_(?:us|eu|staging)_", r"[A-Za-z0-9]{30,}", "pylf_"),
    _token("mapbox_token", r"[ps]k\.eyJ", r"[\w-]{20,}\.[\w-]{20,}", "pk.eyJ", "sk.eyJ", keeps=r"[ps]k\.eyJ(?:1Ijoi)?"),
    _token("mongodb_key", r"mdb_sa_sk_", r"[\w-]{20,}", "mdb_sa_sk_"),
    _token("neon_key", r"napi_", r"[a-z0-9]{40,}", "napi_"),
    _token("new_relic_key", r"NR(?:II|RA|IQ)-", r"[A-Za-z0-9-]{27,42}", "NRII-", "NRRA-", "NRIQ-"),
    _token("new_relic_key", r"NRJS-", r"[0-9a-f]{19}", "NRJS-"),
    _token("nomic_key", r"nk-" + _MIXED, r"[\w-]{40,}", "nk-"),
    _token("notion_token", r"secret_", r"[A-Za-z0-9]{43}", "secret_"),
    _token("nuget_key", r"oy2", r"[a-z0-9]{43}", "oy2"),
    _token("octopus_key", r"API-", r"[A-Z0-9]{26}", "API-"),
    _token(
        "onepassword_key", r"A3-", r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}", "A3-"
    ),
    _token("onepassword_token", r"ops_eyJ", r"[A-Za-z0-9+/]{100,}={0,3}", "ops_eyJ"),
    _token("openshift_token", r"sha256~", r"[\w-]{43}", "sha256~"),
    _token("plaid_token", r"access-(?:sandbox|development|production)-", r"[0-9a-f-]{36}", "access-"),
    _token("planetscale_token", r"pscale_(?:tkn|pw|oauth)_", r"[\w=.-]{32,64}", "pscale_"),
    _token("polar_token", r"polar_(?:pat|oat)_", r"\w{30,}", "polar_"),
    _token("prefect_key", r"pn[ub]_", r"[A-Za-z0-9]{36}", "pnu_", "pnb_"),
    _token("readme_key", r"rdme_", r"[a-z0-9]{70}", "rdme_"),
    _token("render_key", r"rnd_", r"[A-Za-z0-9]{28,}", "rnd_"),
    _token("scalingo_token", r"tk-us-", r"[\w-]{48}", "tk-us-"),
    _token("settlemint_token", r"sm_(?:aat|pat|sat)_", r"[A-Za-z0-9]{16}", "sm_aat_", "sm_pat_", "sm_sat_"),
    _token("shippo_token", r"shippo_(?:live|test)_", r"[0-9a-fA-F]{40}", "shippo_"),
    _token("sonar_token", r"sq[uap]_", r"[0-9a-f]{40}", "squ_", "sqa_", "sqp_"),
    _token("sourcegraph_token", r"sgp_(?:[0-9a-fA-F]{16}_|local_)?", r"[0-9a-fA-F]{40}", "sgp_"),
    _token("square_token", r"sq0(?:atp|csp|idp)-", r"[\w-]{22,43}", "sq0atp-", "sq0csp-", "sq0idp-"),
    _token("square_token", r"EAAA", r"[\w-]{60}", "EAAA"),
    _token("facebook_token", r"EAA[A-Z]", r"[A-Za-z0-9]{90,}", "EAA"),
    _token("statsig_key", r"secret-", r"[A-Za-z0-9]{43}", "secret-"),
    _token("typeform_token", r"tfp_", r"[\w.=-]{40,59}", "tfp_"),
    _token("vercel_token", r"vc[apkri]_", r"[A-Za-z0-9]{24,}", "vcp_", "vca_", "vck_", "vcr_", "vci_"),
    _token("voyage_key", r"(?:pa|al)-" + _MIXED, r"[\w-]{43}", "pa-", "al-"),
    _token("wandb_key", r"wandb_v\d_", r"\w{40,}", "wandb_v"),
    _token("yandex_key", r"AQVN", r"[\w-]{35,38}", "AQVN"),
    _token("yandex_token", r"t1\.", r"[A-Z0-9a-z_-]+={0,2}\.[A-Z0-9a-z_-]{86}={0,2}", "t1."),
    # An encrypted password of a Maven settings file or of Artifactory; no word, and no number of an invoice.
    Rule(
        "artifactory_key",
        re.compile(
            r"(?<![\w+/.-])(?:AKC|AP[\dA-F](?!\w(?:\w{4})+(?!\w)))(?=[A-Za-z]{0,80}\d|(?<=\d))(?=[A-Z0-9]{0,80}[a-z])[A-Za-z0-9]{10,70}(?![\w+/=])"
        ),
        ("AKC", "AP"),
        re.compile("AKC|AP."),
        reach=0,
        shortest=_SHORTEST,
    ),
    Rule(
        "azure_secret",
        re.compile(r"(?<![\w~.-])[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~-])"),
        ("Q~",),
        marks=re.compile(r"(?<=\d)Q~"),
        reach=4,
        shortest=_SHORTEST,
    ),
    Rule(
        "azure_token",
        re.compile(r"(?<![\w])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?!\w)"),
        ("AZDO",),
        marks=re.compile("AZDO(?=.{4}\\Z)"),
        reach=76,
        lead=re.compile(r"[A-Za-z0-9]{76}\Z"),
        shortest=_SHORTEST,
    ),
    Rule(
        "mailchimp_key",
        re.compile(r"(?<![\w-])[0-9a-f]{32}-us\d{1,2}(?![\w-])"),
        ("-us",),  # in which of their data centres it is
        marks=re.compile(r"-us\d{1,2}\Z"),
        reach=32,
        lead=re.compile(r"[0-9a-f]{32}\Z"),
        shortest=_SHORTEST,
    ),
    Rule(
        "maxmind_key",
        re.compile(r"(?<!\w)[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk(?!\w)"),
        ("_mmk",),
        marks=re.compile(r"_mmk\Z"),
        reach=36,
        lead=re.compile(r"\w{36}\Z"),
        shortest=_SHORTEST,
    ),
    Rule(
        "terraform_token",
        re.compile(r"(?<!\w)[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,70}(?!\w)"),
        (".atlasv1.",),
        marks=re.compile(r"\.atlasv1\."),
        reach=14,
        lead=re.compile(r"[A-Za-z0-9]{14}\Z"),
        shortest=_SHORTEST,
    ),
    Rule(
        "discord_token",
        re.compile(r"(?<![\w.-])[\w-]{24,28}\.[\w-]{6}\.[\w!-]{27,40}(?![\w.-])"),
        (".",),
        reach=28,
        lead=re.compile(r"(?<![\w.-])[\w-]{24,28}\Z"),
        shortest=59,
        probe=re.compile(r"\.(?<=[\w-]{24}\.)[\w-]{6}\.[\w!-]{27}"),
    ),
    Rule("okta_token", re.compile(r"SSWS +(?P<secret>00[\w-]{38,42})"), ("SSWS ",), reach=0, shortest=_SHORTEST),
    Rule(
        "telegram_token",
        re.compile(r"(?<!\d)\d{8,10}:AA[\w-]{32,35}(?![\w-])"),
        (":AA",),
        re.compile(r"\d+:AA"),
        reach=10,
        lead=re.compile(r"\d{8,10}\Z"),
        shortest=_SHORTEST,
    ),
    Rule(
        "facebook_token",
        re.compile(r"(?<!\d)\d{13,17}\|[\w-]{27}(?![\w-])"),
        ("|",),
        re.compile(r"\d+\|"),
        reach=17,
        lead=re.compile(r"\d{13,17}\Z"),
        shortest=_SHORTEST,
    ),
    # Addresses that are secrets themselves: whoever has one may post.
    _address("slack_webhook", r"/(?:services|workflows|triggers)/T\w{6,14}/\w{6,14}/(?:\d+/)?", r"\w{18,48}", *_SLACK),
    _address("discord_webhook", r"/webhooks/\d{15,21}/", r"[\w-]{50,80}", "/webhooks/"),
    _address("teams_webhook", r"/IncomingWebhook/", r"[0-9a-f]{32}", "/IncomingWebhook/"),
    _address("rpc_key", r"(?:infura\.io|alchemy\.com)/(?:ws/)?v[23]/", r"[\w-]{32}", "infura.io/", "alchemy.com/"),
    # Signed (three parts) or encrypted (five, of which the first alone can be read).
    Rule(
        "jwt",
        re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"),
        ("eyJ",),
        re.compile("eyJ"),
        reach=0,
        shortest=_SHORTEST,
    ),
    Rule(
        "jwe",
        re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]*\.[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}(?![\w-])"),
        ("eyJ",),
        re.compile(r"eyJ[\w-]+"),
        reach=0,
        shortest=_SHORTEST,
    ),
    PRIVATE_KEY,
    Rule(
        "private_key",
        re.compile(r"PuTTY-User-Key-File-[\s\S]{0,4000}?Private-Lines: \d+\s(?P<secret>[A-Za-z0-9+/=\s]{16,})"),
        ("PuTTY-User-Key-File-",),
        reach=0,
        shortest=_SHORTEST,
    ),
    Rule("secret", re.compile(r"\b[Bb]earer +(?P<secret>[\w.~+/=-]{16,})"), ("earer ",), reach=1, shortest=_SHORTEST),
    EMAIL,
)

TOKEN_GROUPS = grouped(tuple(rule for rule in RULES if rule.reach == 0))
"""Rules that noise does not match: the ones for bytes that are no text."""
