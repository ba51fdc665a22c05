"""Names of the practice organisation: account groups, offices, people, event types and resources."""

from __future__ import annotations

from dataclasses import dataclass

FRIDAY, SATURDAY, SUNDAY = 4, 5, 6

ACCOUNT_GROUPS = {
    "1234": "Network Operations",
    "2071": "EMEA Branches",
    "3308": "APAC Retail",
    "4415": "SaaS & Cloud Labs",
}
"""By `aid`; the first is the account group that the practice token logs in to."""


@dataclass(frozen=True)
class Office:
    """An office: its time zone, weekend, account group, and the names of its people."""

    zone: str
    aid: str
    given: str
    family: str
    weekend: tuple[int, int] = (SATURDAY, SUNDAY)

    def users(self) -> list[tuple[str, str]]:
        """Return every (display name, mailbox) from the office's given and family names."""
        return [
            (f"{given} {family}", f"{given_latin}.{family_latin}@example.com")
            for given, given_latin in _spellings(self.given)
            for family, family_latin in _spellings(self.family)
        ]

    def family_names(self) -> list[str]:
        """Return the family names of the office."""
        return [name for name, _ in _spellings(self.family)]


def _spellings(words: str) -> list[tuple[str, str]]:
    """Read "Jürgen/juergen Emma" as pairs of a name and its spelling in a mailbox."""
    pairs = [word.partition("/") for word in words.split()]
    return [(name, latin or name.lower()) for name, _, latin in pairs]


OFFICES = (
    Office(
        "Europe/Berlin",
        "1234",
        "Jürgen/juergen Emma Zoë/zoe Łukasz/lukasz Anaïs/anais Mirko Frieda",
        "Groß/gross Brandt Wójcik/wojcik Lefèvre/lefevre Sørensen/sorensen Öztürk/oeztuerk Keller",
    ),
    Office(
        "America/New_York",
        "1234",
        "Maria Devon Aaliyah Sean Grace Tyler Ruth",
        "Garcia O'Neill/oneill Washington Kowalski Nguyen Brooks Smith-Jones",
    ),
    Office(
        "Asia/Tokyo",
        "3308",
        "陽菜/hina 蓮/ren さくら/sakura 大翔/hiroto 美咲/misaki 健太/kenta",
        "佐藤/sato 鈴木/suzuki 高橋/takahashi 渡辺/watanabe 山本/yamamoto 小林/kobayashi",
    ),
    Office(
        "Asia/Kolkata",
        "3308",
        "प्रिया/priya अर्जुन/arjun காவ்யா/kavya Rohan Ananya विक्रम/vikram",
        "शर्मा/sharma Iyer पटेल/patel Reddy Khan Mukherjee",
    ),
    Office(
        "Africa/Cairo",
        "2071",
        "ليلى/layla عمر/omar ياسمين/yasmin كريم/karim Mariam نور/nour",
        "حسن/hassan السيد/elsayed فاروق/farouk منصور/mansour Girgis عثمان/osman",
        weekend=(FRIDAY, SATURDAY),
    ),
    Office(
        "Europe/Athens",
        "2071",
        "Νίκος/nikos Ελένη/eleni Олена/olena Дмитро/dmytro Ana אורי/uri",
        "Παππάς/pappas Γεωργίου/georgiou Шевченко/shevchenko Коваль/koval Ionescu לוי/levi",
    ),
    Office(
        "America/Sao_Paulo",
        "4415",
        "João/joao Conceição/conceicao Thiago Luíza/luiza Núria/nuria Beto",
        "Araújo/araujo Peçanha/pecanha Silva Muñoz/munoz Magalhães/magalhaes Lima",
    ),
    Office(
        "Pacific/Auckland",
        "3308",
        "Aroha 민준/minjun 서연/seoyeon Tāne/tane ณัฐ/nat Mei",
        "Ngāta/ngata 김/kim 박/park Wilson ศรีสุข/srisuk Taufa",
    ),
)

BARE_NAMES = ("Kiosk Lobby", "contractor-7", "மாறன்")
"""Users whose log entries have a bare name."""

AUTOMATION = "Terraform Automation (svc-terraform@example.com)"


IDLE_ACCOUNTS = (
    ("Former Colleague", "former.colleague@example.com"),
    ("Audit 2023", "audit.2023@example.com"),
    ("Øystein Dahl", "oystein.dahl@example.com"),
)
"""Users without an event: the first two logged in long ago, the last one never."""


@dataclass(frozen=True)
class Kind:
    """An event type: how often people cause it, which resources it touches, and how many of each at most.

    A weight of 0 means that only administrators cause it.
    """

    event: str
    weight: float
    resources: tuple[str, ...] = ()
    most: int = 1


KINDS = (
    Kind("Login successful.", 30),
    Kind("Login failed.", 1.2),
    Kind("Test deleted.", 1.0, ("testName",), 3),
    Kind("Logout.", 6),
    Kind("Test updated.", 14, ("testName",), 2),
    Kind("Test created.", 6, ("testName",)),
    Kind("Test disabled.", 2, ("testName",), 4),
    Kind("Test enabled.", 2, ("testName",), 4),
    Kind("Instant test created.", 7, ("testName",)),
    Kind("Agent added to test.", 3, ("agentName", "testName")),
    Kind("Report created.", 4, ("reportTitle",)),
    Kind("Report updated.", 3, ("reportTitle", "testName")),
    Kind("Report deleted.", 0.6, ("reportTitle",)),
    Kind("Dashboard created.", 2, ("dashboardTitle",)),
    Kind("Dashboard updated.", 5, ("dashboardTitle",)),
    Kind("Snapshot shared.", 2, ("reportTitle",)),
    Kind("Alert rule created.", 1.5, ("alertRuleName",)),
    Kind("Alert rule updated.", 4, ("alertRuleName", "testName"), 2),
    Kind("Alert rule deleted.", 0.5, ("alertRuleName",)),
    Kind("Label created.", 1, ("labelName", "testName"), 3),
    Kind("API token created.", 0.3),
    Kind("Password changed.", 0.4),
    Kind("User added.", 0, ("userDisplayName",)),
    Kind("User removed.", 0, ("userDisplayName",)),
    Kind("Role assigned.", 0, ("userDisplayName", "roleName")),
    Kind("Account group settings updated.", 0, ("accountGroupName",)),
)

_CODES = {kind.event: code for code, kind in enumerate(KINDS)}

LOGIN = _CODES["Login successful."]
LOGOUT = _CODES["Logout."]
LOGIN_FAILED = _CODES["Login failed."]
TEST_UPDATED = _CODES["Test updated."]
TEST_CREATED = _CODES["Test created."]
TEST_DELETED = _CODES["Test deleted."]
REPORT_DELETED = _CODES["Report deleted."]
SNAPSHOT_SHARED = _CODES["Snapshot shared."]
DASHBOARD_UPDATED = _CODES["Dashboard updated."]
ALERT_RULE_CREATED = _CODES["Alert rule created."]
ALERT_RULE_UPDATED = _CODES["Alert rule updated."]
ALERT_RULE_DELETED = _CODES["Alert rule deleted."]
TOKEN_CREATED = _CODES["API token created."]
ADMIN_KINDS = [code for code, kind in enumerate(KINDS) if not kind.weight]
AUTOMATION_KINDS = [_CODES["Test updated."]] * 4 + [
    _CODES["Test created."],
    _CODES["Alert rule updated."],
    TEST_DELETED,
]

HABIT_KINDS = [
    code
    for code, kind in enumerate(KINDS)
    if kind.weight and not kind.event.startswith(("Log", "Alert rule", "API token", "Password"))
]
"""What people do day after day in a history with habits."""

ALERT_RULE_DISABLED, ALERT_RULE_ENABLED = "Alert rule disabled.", "Alert rule enabled."
ROLE_ASSIGNED, USER_ADDED = "Role assigned.", "User added."
"""Events whose resources are given, in a history with habits."""

RESOURCE_NAMES = {
    "testName": [
        *(f"{site} - {what}" for site in ("checkout", "intranet", "SSO", "VPN") for what in ("HTTP", "DNS", "路径")),
        "Büro München WLAN",
        "支払い API",
        "R&D <staging>",
        "=HYPERLINK probe",
        "Zürich → Wien",
        "50$ basket, 100$ basket",
    ],
    "reportTitle": ["Weekly SLA", "Rapport mensuel é", "Executive summary", 'The "war room"', "Отчёт Q3"],
    "dashboardTitle": ["NOC wall", "Retail APAC", "Voice quality", "会議室", "VPN health"],
    "alertRuleName": ["Packet loss > 5 %", "Latency (EMEA)", "BGP reachability", "Zertifikat läuft ab"],
    "agentName": ["Frankfurt, Germany", "Tokyo-3", "São Paulo 2", "branch-0042", "Cairo, Egypt"],
    "labelName": ["prod", "staging", "geschäftskritisch"],
    "userDisplayName": ["New Joiner", "김 서연", "Former Colleague", "Øystein"],
    "roleName": ["Regular User", "Account Admin", "Read only"],
    "accountGroupName": list(ACCOUNT_GROUPS.values()),
}
