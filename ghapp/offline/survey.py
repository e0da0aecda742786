"""A checkout -> what a policy for it should know: database, owners, foreign code, migrations.

It only reads files; what they say is data, and never more than a proposal.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ghapp.core.areas import Area
from ghapp.core.patterns import globs
from ghapp.core.policy.fields import team_fault
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.rulebook import NEVER_SCANNED, NOT_CODE
from ghapp.offline import git

MIGRATIONS = "database-migration"  # the area of the built-in pack
MOST_BYTES = 256 << 10  # of a file that is read
MOST_FILES = 400  # of one kind that are read
MOST_TABLES, MOST_FOLDERS, MOST_IGNORED = 10, 5, 12

COMPOSE = ("**/*compose*.yml", "**/*compose*.yaml", ".github/workflows/*.yml")
PYTHON = ("**/*requirements*.txt", "**/requirements/*.txt", "pyproject.toml", "**/pyproject.toml",
          "**/Pipfile", "**/setup.py", "**/setup.cfg")  # fmt: skip
JVM = ("**/pom.xml", "**/*.gradle", "**/*.gradle.kts", "**/libs.versions.toml")
ENVIRONMENTS = ("**/.env", "**/.env.example", "**/.env.dist", "**/.env.sample", "**/*.env")
# Files -> what names PostgreSQL in them, and what names MySQL or MariaDB.
DATABASES: Mapping[tuple[str, ...], tuple[str, str]] = {
    COMPOSE: (
        r"""^[\s-]*image:\s*["']?(?:[\w.:-]+/)*(?:postg(?:res|is)|timescale|pgvector)""",
        r"""^[\s-]*image:\s*["']?(?:[\w.:-]+/)*(?:mysql|mariadb|percona)""",
    ),
    ("**/Gemfile",): (r"""^\s*gem\s+["']pg["']""", r"""^\s*gem\s+["'](?:mysql2|trilogy)["']"""),
    PYTHON: (
        r"""^[\s"']*(?:psycopg2?|asyncpg|pg8000)\b""",
        r"""^[\s"']*(?:mysqlclient|pymysql|aiomysql|asyncmy|mysql-connector-python)\b""",
    ),
    # A line that ends in `// indirect` is the need of a library.
    ("**/go.mod",): (
        r"^\s*(?:require\s+)?(?:github\.com/lib/pq|github\.com/jackc/pgx\S*|"
        r"gorm\.io/driver/postgres)\s+v\S+\s*$",
        r"^\s*(?:require\s+)?(?:github\.com/go-sql-driver/mysql|gorm\.io/driver/mysql)\s+v\S+\s*$",
    ),
    ("**/package.json",): (
        r'"(?:pg|pg-promise|postgres|@prisma/adapter-pg)"\s*:',
        r'"(?:mysql2?|mariadb)"\s*:',
    ),
    ("**/schema.prisma", "**/prisma/schema/*.prisma"): (
        r'^\s*provider\s*=\s*"postgresql"',
        r'^\s*provider\s*=\s*"mysql"',
    ),
    ("**/composer.json",): (r'"ext-(?:pdo_)?pgsql"', r'"ext-(?:pdo_mysql|mysqli)"'),
    JVM: (r"org\.postgresql\b", r"mysql-connector|mariadb-java-client|\bcom\.mysql\b"),
    ("**/*.csproj", "**/Directory.Packages.props"): (r'"Npgsql', r'"(?:MySql|Pomelo)[\w.]*"'),
    ("**/Cargo.toml",): (
        r'^\s*(?:tokio-postgres|postgres)\b|"postgres(?:_backend)?"',
        r'^\s*mysql(?:_async)?\b|"mysql(?:_backend)?"',
    ),
    ("**/database.yml", "**/database.yml.*", "**/database.*.yml"): (
        r"^\s*adapter:\s*(?:postgresql|postgis)\b",
        r"^\s*adapter:\s*(?:mysql2|trilogy)\b",
    ),
    ENVIRONMENTS: (
        r"""^\w*(?:DB_CONNECTION|DATABASE_URL)=["']?(?:pgsql|postgres)""",
        r"""^\w*(?:DB_CONNECTION|DATABASE_URL)=["']?(?:mysql|mariadb)""",
    ),
}
DIALECTS = ("postgres", "mysql")

# What these files use is not what runs in production.
ASIDE = (
    "**/test/**", "**/tests/**", "**/spec/**", "**/testdata/**", "**/fixtures/**", "**/example/**",
    "**/examples/**", "**/docs/**", *NEVER_SCANNED,
)  # fmt: skip

# Code that machines or others wrote, by the names that their tools give it.
FOREIGN = (
    "**/third_party/**", "**/3rdparty/**", "**/Godeps/**", "**/bower_components/**",
    "**/site-packages/**", "**/.yarn/**", "**/__generated__/**", "**/*.pb.go", "**/*_pb2.py",
    "**/*_pb2_grpc.py", "**/*_pb.js", "**/*_pb.ts", "**/zz_generated.*", "**/*_generated.go",
    "**/*.gen.go", "**/wire_gen.go", "**/*.generated.*", "**/*.g.dart", "**/*.freezed.dart",
)  # fmt: skip
# Source: https://docs.github.com/repositories/working-with-files/managing-files/
# customizing-how-changed-files-appear-on-github
# Many set `linguist-vendored` on code of their own, to change what GitHub calls their language.
MARKED = re.compile(r"(?P<glob>[^\s#]\S*)\s(?:.*\s)?linguist-generated(?:=true)?(?:\s|$)")

# Source: https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/
# customizing-your-repository/about-code-owners (the first of these counts)
OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
TEAM = re.compile(r"(?<!\S)@[\w-]+/([\w.-]+)")
OPERATORS = re.compile(
    r"(?:^|[-_])(?:sre|platform|infra\w*|ops|devops|reliability|operations)(?:[-_]|$)"
)

NUMBERED = re.compile(
    r"(?i)(?:v|u)?\d[\d._-]*[._-]+[a-z]\w*[\w.-]*\.(?:sql|py|rb|php|[jt]s|go|kt|java|exs?|xml|cs)"
)
CHANGES_TABLES = re.compile(
    r"(?i)\b(?:(?:create|alter|drop|rename)\s+(?:table|(?:unique\s+)?index)|create_?table|"
    r"add_?column|drop_?column|rename_?column|add_?index|create_?index|change_?column)\b"
)
NAME = r"""[`"']?(?:\w+["`]?\.)?["`]?(?P<{}>[a-z_]\w*)["`]?"""
# How people name a table as large: its indexes are built while others write to it.
BUILT_ONLINE = re.compile(
    r"(?i)\bindex\s+concurrently\s+(?:if\s+not\s+exists\s+)?\S+\s+on\s+(?:only\s+)?"
    + NAME.format("sql")
    + r"|\badd_index[\s(]+:(?P<rails>\w+)[^\n]*(?:\n[^\n]*){0,3}?algorithm:\s*:concurrently"
    + r"""|\bcreate_index\(\s*[^,]+,\s*["'](?P<alembic>\w+)["'][^)]*postgresql_concurrently=True"""
    + r"|\balter\s+table\s+"
    + NAME.format("mysql")
    + r"[^;]*\block\s*=\s*none\b"
)
KANA = re.compile(r"[぀-ヿ]")
LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Globbed:
    """A glob, and how many files it matches."""

    glob: str
    files: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    databases: postgres and mysql, if found, each with a file that shows it.
    ignored: foreign and generated code. migrations: folders that the built-in area does not know.
    tables: large ones. team: slug, "" if there is none; team_file: which file names it.
    """

    language: str = "en"
    databases: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[Globbed, ...] = ()
    migrations: tuple[Globbed, ...] = ()
    tables: tuple[str, ...] = ()
    team: str = ""
    team_file: str = ""


class Tree:
    """The files of a checkout by path, in path order. Contents are read when they are asked for."""

    def __init__(self, snapshot: git.Snapshot) -> None:
        self._snapshot = snapshot
        self._files = git.files_of(snapshot)
        # A name that cannot be shown cannot be proposed either.
        self.paths = tuple(path for path in self._files if path.isprintable())

    def texts(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Path and text of the first of these files; large ones are left out."""
        small = [path for path in paths if self._files[path][1] <= MOST_BYTES][:MOST_FILES]
        found = git.texts(self._snapshot.folder, [self._files[path][0] for path in small])
        for path in small:
            if text := found.get(self._files[path][0]):
                yield path, text

    def text(self, path: str) -> str:
        """The text of one file, "" if it is not there."""
        return next((text for _, text in self.texts(set(self.paths) & {path})), "")


def survey(snapshot: git.Snapshot, titles: Sequence[str], policy: Policy) -> Survey:
    """What the files say. titles: of merged changes. policy: the defaults.

    Raises BadRange (git cannot read them).
    """
    tree = Tree(snapshot)
    area = next(one for one in policy.areas if one.id == MIGRATIONS)
    migrations = [path for path in tree.paths if _claims(area, path)]
    team, team_file = _team(tree)
    return Survey(
        language=_language(tree, titles),
        databases=_databases(tree),
        ignored=_ignored(tree, frozenset(migrations), policy.ignore_paths),
        migrations=_unusual(tree, frozenset(migrations)),
        tables=_large_tables(tree, migrations),
        team=team,
        team_file=team_file,
    )


def _claims(area: Area, path: str) -> bool:
    detect = area.detect
    return bool(globs.matches(detect.paths, path)) and not globs.matches(detect.exclude, path)


def _language(tree: Tree, titles: Sequence[str]) -> str:
    """Japanese if every fifth title has kana, or every twentieth letter of the README is one."""
    in_kana = sum(bool(KANA.search(title)) for title in titles)
    readme = tree.text("README.md")
    kana, letters = len(KANA.findall(readme)), len(LETTER.findall(readme))
    return "ja" if 5 * in_kana > len(titles) or 20 * kana > letters else "en"


def _databases(tree: Tree) -> Mapping[str, str]:
    """Dialect -> the first file that names it; the shallowest files come first."""
    found: dict[str, str] = {}
    paths = sorted(tree.paths, key=lambda path: (path.count("/"), path))
    for names, patterns in DATABASES.items():
        named = [p for p in paths if globs.matches(names, p) and not globs.matches(ASIDE, p)]
        for path, text in tree.texts(named):
            for dialect, pattern in zip(DIALECTS, patterns, strict=True):
                if dialect not in found and re.search(pattern, text, re.MULTILINE | re.IGNORECASE):
                    found[dialect] = path
    return found


def _ignored(
    tree: Tree, migrations: frozenset[str], default: tuple[str, ...]
) -> tuple[Globbed, ...]:
    """Globs of foreign and generated code that nothing else leaves out.

    A glob that takes a migration or half of all files is more likely a mistake.
    """
    lines = tree.text(".gitattributes").splitlines()
    marked = [found["glob"].removeprefix("/") for line in lines if (found := MARKED.match(line))]
    known = (*default, *NEVER_SCANNED)
    rest = [path for path in tree.paths if not globs.matches(known, path)]
    taken: set[str] = set()
    chosen = []
    for glob in dict.fromkeys((*FOREIGN, *marked)):
        if not glob.isprintable() or globs.fault(glob):
            continue
        files = {path for path in rest if globs.matches((glob,), path)}
        if files - taken and not files & migrations and 2 * len(files) <= len(tree.paths):
            chosen.append(Globbed(glob, len(files)))
            taken |= files
    return tuple(chosen[:MOST_IGNORED])


def _unusual(tree: Tree, known: frozenset[str]) -> tuple[Globbed, ...]:
    """Folders with numbered files that change tables, and that the built-in area does not know."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path in tree.paths:
        folder, _, name = path.rpartition("/")
        left_out = path in known or globs.matches((*NEVER_SCANNED, *NOT_CODE, "docs/**"), path)
        if folder and NUMBERED.fullmatch(name) and not left_out:
            folders[folder].append(path)
    likely = [
        folder
        for folder, paths in folders.items()
        if len(paths) >= 3
        and 2 * sum(bool(CHANGES_TABLES.search(text)) for _, text in tree.texts(paths[-6:]))
        >= min(6, len(paths))
    ]
    # Folders side by side, such as one for each release, are one place.
    parents = {folder: folder.rpartition("/")[0] for folder in likely}
    beside = Counter(parents.values())
    places = dict.fromkeys(
        parent if parent and beside[parent] > 1 else folder for folder, parent in parents.items()
    )
    found = [
        Globbed(f"{place}/**", sum(path.startswith(f"{place}/") for path in tree.paths))
        for place in places
        if not globs.WILD.search(place)
    ]
    return tuple([one for one in found if not globs.fault(one.glob)][:MOST_FOLDERS])


def _large_tables(tree: Tree, migrations: Sequence[str]) -> tuple[str, ...]:
    """Tables whose indexes are built online, the most frequent first. The newest files count."""
    counts: Counter[str] = Counter()
    for _, text in tree.texts(reversed(migrations)):
        for found in BUILT_ONLINE.finditer(text):
            counts.update({name.lower() for name in found.groups() if name})
    return tuple(name for name, _ in counts.most_common(MOST_TABLES))


def _team(tree: Tree) -> tuple[str, str]:
    """The team that a code-owners file suggests, and the file: who runs things, else owns all."""
    file = next((file for file in OWNERS if file in tree.paths), "")
    rules = [line.split("#")[0].split(None, 1) for line in tree.text(file).splitlines()]
    teams = [
        (rule[0], slug) for rule in rules if len(rule) == 2 for slug in TEAM.findall(rule[1])
        if not team_fault(slug)
    ]  # fmt: skip
    operators = Counter(slug for _, slug in teams if OPERATORS.search(slug.lower()))
    everything = [slug for glob, slug in teams if glob in ("*", "**", "/")]
    chosen = [slug for slug, _ in operators.most_common(1)] or everything[-1:]
    return (chosen[0], file) if chosen else ("", "")
