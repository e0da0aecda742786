"""Whole changes against all the packs that are shipped: how much is asked, and what is found.

The numbers are those that the packs were designed to; a changed rule has to defend its own.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ghapp import builtin_packs
from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import scan

PULL = Pull(
    PullKey(Repository(1, 1, "acme/shop"), 1),
    title="",
    author="ann",
    head_sha="",
    head_ref="",
    base_ref="",
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)
AREAS = tuple(area for area in builtin_packs.builtin() if area.enabled)
ITEMS = {area.id: len(area.items) for area in AREAS}


def added(path, text):
    lines = text.strip("\n").split("\n")
    patch = "\n".join([f"@@ -0,0 +1,{len(lines)} @@", *(f"+{line}" for line in lines)])
    return File(path, "added", len(lines), 0, patch, "s")


def modified(path, text):
    lines = text.strip("\n").split("\n")
    counts = {sign: sum(line.startswith(sign) for line in lines) for sign in "+-"}
    patch = "\n".join(["@@ -10,9 +10,9 @@", *lines])
    return File(path, "modified", counts["+"], counts["-"], patch, "s")


def judged(*files, whole=None):
    """Area id -> number of its items that are asked, and the hazards found."""
    pull, policy = replace(PULL, files=files), Policy(areas=AREAS)
    seen = scan(pull, policy)
    found = findings(seen.suspicion, dict.fromkeys((one.path for one in seen.wanted), whole))
    asked = checklist(seen, policy, found)
    return {one.area.id: len(one.items) for one in asked.flagged}, [one.hazard for one in found]


NULLABLE = added(
    "database/migrations/2026_01_01_000000_add_memo.php",
    r"""
<?php
return new class extends Migration {
    public function up(): void
    {
        Schema::table('orders', function (Blueprint $table) {
            $table->string('memo')->nullable();
        });
    }

    public function down(): void
    {
        Schema::table('orders', function (Blueprint $table) {
            $table->dropColumn('memo');
        });
    }
};
""",
)
TYPE_AND_DROP = added(
    "database/migrations/2026_01_02_000000_widen_total.php",
    r"""
<?php
return new class extends Migration {
    public function up(): void
    {
        Schema::table('orders', function (Blueprint $table) {
            $table->bigInteger('total')->change();
            $table->dropColumn('legacy_memo');
        });
    }
};
""",
)
INSTANCE = modified(
    "terraform/rds.tf",
    """
 resource "aws_db_instance" "shop" {
-  instance_class = "db.r6g.large"
+  instance_class = "db.r6g.xlarge"
+  apply_immediately = true
 }
 resource "aws_security_group" "web" {
   ingress {
+    from_port   = 22
+    cidr_blocks = ["0.0.0.0/0"]
   }
 }
""",
)
POST = modified(
    "src/payments/client.py",
    """
 def charge(order):
+    return requests.post(PAYMENT_URL, json=order)
""",
)
ACTION = modified(
    ".github/workflows/ci.yml",
    """
     steps:
-      - uses: acme/setup-tool@v1
+      - uses: acme/setup-tool@v2
""",
)
COLOUR = (
    modified("src/styles/button.scss", "-  color: #333;\n+  color: #444;"),
    modified("README.md", "-Old\n+New"),
)


@pytest.mark.parametrize(
    ("files", "asked", "found"),
    [
        ((NULLABLE,), {"database-migration": 2}, []),
        ((TYPE_AND_DROP,), {"database-migration": 3}, ["DBM-009", "DBM-005"]),
        ((INSTANCE,), {"infrastructure-as-code": 2}, ["IAC-014", "IAC-013", "IAC-001"]),
        ((POST,), {"external-integration": 2}, ["APP-001"]),
        ((ACTION,), {"ci-cd-pipeline": 1}, ["CI-002"]),
        (COLOUR, {}, []),
    ],
    ids=["nullable column", "type and drop", "instance", "post", "action bump", "colour"],
)
def test_what_is_asked_about_a_whole_change(files, asked, found):
    assert judged(*files) == (asked, found)
