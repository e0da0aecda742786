import pytest

from ghapp.core.areas import Hit
from ghapp.core.i18n import Words
from ghapp.core.markdown import visible
from ghapp.core.text.reasons import why


@pytest.mark.parametrize(
    ("hit", "en", "ja"),
    [
        (Hit("label", "nfr:db"), "label `nfr:db`", "ラベル `nfr:db`"),
        (
            Hit("path", "**/db/**", "app/db/1.rb"),
            "`app/db/1.rb` (matches `**/db/**`)",
            "`app/db/1.rb`（`**/db/**` に一致）",
        ),
        (
            Hit("diff", "drop `t`", "a.sql", 7),
            "`a.sql:7`: `` drop `t` ``",
            "`a.sql:7`：`` drop `t` ``",
        ),
        (
            Hit("removed", "drop(t)", "a.py"),
            "`a.py`: removed `drop(t)`",
            "`a.py`：削除された行 `drop(t)`",
        ),
        (Hit("size", "41 files"), "41 files changed", "変更ファイル 41 件"),
        (Hit("size", "1600 lines"), "1,600 lines added", "追加 1,600 行"),
        (
            Hit("folder", "app"),
            "new top-level folder `app`",
            "最上位の新規フォルダ `app`",
        ),
        (Hit("size", "3500"), "3,500 files changed", "変更ファイル 3,500 件"),
    ],
)
def test_a_reason_names_what_fired_and_where(hit, en, ja):
    assert why(hit, Words("en")) == en
    assert why(hit, Words("ja")) == ja


def test_a_reason_can_be_plain_text():
    hit = Hit("diff", "drop table t", "a.sql", 7)
    assert why(hit, Words("en"), visible) == "a.sql:7: drop table t"
