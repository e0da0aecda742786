"""Every pack that is shipped holds its own promises."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from ghapp import builtin_packs
from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.policy.areas import worded
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import scan

FOLDER = Path(__file__).parents[2] / "checklists"
PACKS = {
    path.stem: yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    for path in sorted(FOLDER.glob("*.yml"))
    if path.stem not in ("references", "sets")
}
AREAS = {area.id: area for area in builtin_packs.builtin()}
# Letters only: beside the middle dot of a list, Latin words stand without a space.
JAPANESE = r"[\u3040-\u30fa\u30fc-\u30ff\u4e00-\u9fff]"
PULL = Pull(
    PullKey(Repository(1, 1, "acme/shop"), 1),
    title="",
    author="ann",
    head_sha="",
    head_ref="",
    base_ref="",
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_every_file_is_named_after_its_area_and_loaded():
    assert {name: pack["area"] for name, pack in PACKS.items()} == {name: name for name in AREAS}


def test_item_ids_are_unique_over_all_packs():
    ids = [item.id for area in AREAS.values() for item in area.items]
    assert len(ids) == len(set(ids))


def test_every_pack_has_samples_of_both_kinds():
    assert all(pack["detect"]["path_hit"] for pack in PACKS.values())
    assert all(pack["detect"]["path_miss"] for pack in PACKS.values())


def test_references_are_all_used_and_lead_somewhere():
    used = {key for area in AREAS.values() for item in area.items for key in item.refs}
    on_the_whole = {"iso-25010", "sre-engagement", "sre-maturity"}  # no single question's source
    assert used | on_the_whole == set(builtin_packs.references().links)
    assert all(url.startswith("https://") for _, url in builtin_packs.references().links.values())


@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS)
def test_japanese_is_written_as_japanese(area):
    texts = [(area.id, area.title.ja)]
    for item in area.items:
        assert item.question.ja.endswith("？"), item.id
        assert item.why.ja.endswith("。"), item.id
        assert not item.evidence.ja.endswith("。"), item.id
        texts += [(item.id, text.ja) for text in (item.question, item.why, item.evidence)]
    for hazard in area.hazards:
        assert hazard.message.ja.endswith("。"), hazard.id
        texts.append((hazard.id, hazard.message.ja))
    for owner, text in texts:
        assert not re.search(rf"(?:{JAPANESE}|・)[()?:,]|[()?:,]{JAPANESE}", text), owner
        assert not re.search(rf"{JAPANESE}[A-Za-z0-9]|[A-Za-z0-9]{JAPANESE}", text), owner


def added(area_id: str, path: str, line: str):
    file = File(path, "modified", 1, 0, f"@@ -1 +1 @@\n+{line}")
    policy = Policy(areas=(worded(AREAS[area_id]),), max_items=50)
    seen = scan(replace(PULL, files=(file,)), policy)
    return checklist(seen, policy, findings(seen.suspicion, {}))


@pytest.mark.parametrize(
    ("area", "path", "line", "flagged"),
    [
        ("payments-checkout", "src/a.py", "    intent = stripe.PaymentIntent.create(", True),
        ("payments-checkout", "src/a.py", "stripe.api_key = key", False),
        ("payments-checkout", "src/a.ts", "await gateway.capturePayment(order)", True),
        ("payments-checkout", "src/a.php", "$payment->capture($amount);", True),
        ("payments-checkout", "src/a.rb", "refund(order, amount)", True),
        ("payments-checkout", "src/a.py", "tax = round(price * rate)", True),
        ("payments-checkout", "src/a.py", "subtotal_amount += line.price", False),
        ("payments-checkout", "src/a.py", "# If you do not need Stripe's default domain", False),
        ("payments-checkout", "src/a.js", " * @see Stripe docs", False),
        ("payments-checkout", "LICENSE", "Copyright (c) 2020 The @dj-stripe Organization", False),
        ("payments-checkout", "src/a.py", "@wsgi.Controller.authorize('get')", False),
        ("payments-checkout", "src/a.py", "return authorize(context, action)", False),
        ("payments-checkout", "src/a.ts", "void (async () => {})()", False),
        ("payments-checkout", "src/a.py", "video.capture(frame)", False),
        ("payments-checkout", "src/a.py", "TaxInclusiveFixedPrice = get_class('x')", False),
        ("payments-checkout", "src/a.py", "tax_rule=pos.item.tax_rule,", False),
        ("payments-checkout", "src/a.py", "if tax == 0:", False),
        ("infrastructure-as-code", "ops/stack.json", '  "Type": "AWS::S3::Bucket",', True),
        ("infrastructure-as-code", "ops/stack.yml", "    Type: 'AWS::RDS::DBInstance'", True),
        ("infrastructure-as-code", "ops/stack.ts", "new rds.DatabaseCluster(this, 'db')", True),
        ("infrastructure-as-code", "a.py", "The value of ``AWS::Lambda::Version.Sha``.", False),
        ("database-migration", "ddl/orders.sql", "ALTER TABLE orders ADD x int;", True),
        ("database-migration", "examples/orders.sql", "CREATE TABLE orders (", False),
    ],
)
def test_an_added_line_flags_where_it_should(area, path, line, flagged):
    assert bool(added(area, path, line).flagged) is flagged


MIGRATION = "shop/migrations/0002_x.py"


@pytest.mark.parametrize(
    ("path", "line", "item", "asked"),
    [
        (MIGRATION, "migrations.AddIndex('order', models.Index(fields=['x']))", "query-plan", True),
        (MIGRATION, "field=models.CharField(db_index=True),", "query-plan", False),
        ("db/migrate/1.rb", "add_index :orders, :x", "query-plan", True),
        ("database/migrations/1.php", "$table->index('x');", "query-plan", False),
        ("migrations/1.sql", "DROP INDEX x;", "query-plan", True),
        (MIGRATION, "from app.indexing import x", "query-plan", False),
        (MIGRATION, "migrations.RunPython(fill),", "backfill-batched", True),
        (MIGRATION, "Order.objects.filter(x=1).update(x=2)", "backfill-batched", True),
        ("migrations/1.sql", "UPDATE orders SET x = 1;", "backfill-batched", True),
        ("migrations/1.sql", "update orders o", "backfill-batched", True),
        ("migrations/1.sql", "insert into a (x) select x from b;", "backfill-batched", True),
        ("db/migrate/1.rb", "Order.find_each { |o| o.touch }", "backfill-batched", True),
        (MIGRATION, '("x", "0009_update_all_charfields"),', "backfill-batched", False),
        (MIGRATION, "help_text='Scan on repository update.',", "backfill-batched", False),
        (MIGRATION, "op.create_table('x',", "type-choice", False),
        ("migrations/1.sql", "CREATE TABLE x (price float);", "type-choice", True),
        (MIGRATION, "migrations.AddField(", "online-ddl", True),
        ("migrations/1.js", "await queryInterface.addColumn('order', 'x')", "online-ddl", True),
        ("liquibase/1.xml", '<dropIndex indexName="x" tableName="y"/>', "online-ddl", True),
        ("Migrations/migrations/1.cs", "migrationBuilder.AlterColumn<int>(", "online-ddl", True),
        (MIGRATION, "# a merge of two branches", "online-ddl", False),
        ("migrations/1.sql", "delete from orders;", "rollback", True),
    ],
)
def test_a_line_of_a_migration_brings_the_question_it_raises(path, line, item, asked):
    flagged = added("database-migration", path, line).flagged
    assert (f"dbm-{item}" in {one.id for area in flagged for one in area.items}) is asked


def test_an_installed_package_has_the_packs_inside(tmp_path):
    package = tmp_path / "ghapp"
    shutil.copytree(Path(builtin_packs.__file__).parent, package)
    shutil.copytree(FOLDER, package / "checklists", dirs_exist_ok=True)
    code = "from ghapp import builtin_packs as c; print(c.__file__, len(c.builtin()))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == [str(package / "builtin_packs.py"), str(len(PACKS))]
