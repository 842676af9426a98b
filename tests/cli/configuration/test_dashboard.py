"""[dashboard] in a configuration file: where the page is served, who may open it, and that no hash is ever shown."""

from pathlib import Path

import pytest

from perpmaker.cli.configuration.dashboard import load_dashboard
from perpmaker.cli.configuration.loading import load_config
from perpmaker.cli.dashboard_flags import DashboardFlags
from perpmaker.cli.main import _run
from perpmaker.dashboard.security.hosts import is_loopback
from perpmaker.dashboard.security.users import hash_password
from perpmaker.domain.errors import ConfigError, CredentialsError, InvalidSettingError
from support.config_files import MINIMAL, config, write

DIGEST = "bm90YXJlYWxkaWdlc3Rub3RhcmVhbGRpZ2VzdG5vdGE"
HASH = f"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA${DIGEST}"
PAGE = f"""
[dashboard]
host = "192.168.1.5"
port = 9000
tls_cert = "cert.pem"
tls_key = "key.pem"

[dashboard.users.ana]
role = "trader"
password_hash = "{HASH}"

[dashboard.users.token]
role = "viewer"
password_hash = "{HASH}"
"""


def test_it_says_where_the_page_is_served_and_to_whom(tmp_path: Path) -> None:
    found = load_dashboard(write(tmp_path, PAGE))
    assert found.flags == DashboardFlags(
        host="192.168.1.5", port=9000, tls_cert=Path("cert.pem"), tls_key=Path("key.pem")
    )
    assert [(user.name, user.role.value, user.password_hash) for user in found.users] == [
        ("ana", "trader", HASH), ("token", "viewer", HASH),
    ]  # fmt: skip


def test_a_dashboard_needs_no_market_and_a_run_needs_no_dashboard(tmp_path: Path) -> None:
    assert load_dashboard(write(tmp_path, "[dashboard]\nport = 9000\n")).flags.port == 9000
    found = config(tmp_path, MINIMAL).dashboard
    assert (found.flags, found.users) == (DashboardFlags(), ())


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    assert load_dashboard(write(tmp_path, PAGE), {"port": 9100}).flags.port == 9100


def test_the_page_of_a_run_is_served_as_the_file_says(tmp_path: Path) -> None:
    found = config(tmp_path, f"{MINIMAL}[run]\ndashboard = true\n{PAGE}")
    assert (found.watching.dashboard_port, found.watching.dashboard_config) == (9000, found.path)
    own = config(tmp_path, f"{MINIMAL}[run]\ndashboard = true\ndashboard_port = 9200\n{PAGE}")
    assert own.watching.dashboard_port == 9200
    assert config(tmp_path, MINIMAL + PAGE).watching.dashboard_config is None, "nobody asked for a page"


REFUSED = {
    "an unknown key": ("[dashboard]\nprot = 1\n", "[dashboard] prot is unknown; did you mean port?"),
    "an unknown section": ("[dashbord]\nport = 1\n", "there is no section [dashbord]; did you mean [dashboard]?"),
    "an unknown key of a user": (
        f"[dashboard.users.ana]\nrolle = 'trader'\npassword_hash = '{HASH}'\n", "rolle is unknown; did you mean role?",
    ),
    "a role that is none": (
        f"[dashboard.users.ana]\nrole = 'boss'\npassword_hash = '{HASH}'\n", "must be trader or viewer",
    ),
    "no role": (f"[dashboard.users.ana]\npassword_hash = '{HASH}'\n", "role is missing: trader or viewer"),
    "no hash": ("[dashboard.users.ana]\nrole = 'viewer'\n", "password_hash is missing: `perpmaker dashboard hash`"),
    "a name that is none": (
        f"[dashboard.users.'a b']\nrole = 'viewer'\npassword_hash = '{HASH}'\n", "a user's name is 1 to 64 letters",
    ),
    "a user that is no section": ("[dashboard]\nusers = 1\n", "write [dashboard.users.NAME]"),
    "a user that is a word": ("[dashboard.users]\nana = 'trader'\n", "[dashboard.users.ana] must be a section"),
    "a dashboard that is no section": ("dashboard = 1\n", "[dashboard] must be a section with keys"),
    "a port beyond all": ("[dashboard]\nport = 70000\n", "port = 70000: must be at least 0 and at most 65535"),
    "other machines without TLS": ("[dashboard]\nhost = '0.0.0.0'\n", "--host 0.0.0.0 without TLS"),
    "half of a certificate": ("[dashboard]\ntls_cert = 'a.pem'\n", "--tls-cert without --tls-key"),
    "a key of the page in [run]": ("[run]\ninsecure_remote = true\n", "write it under [dashboard]"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("is_whole", [True, False])
def test_what_cannot_be_is_refused_in_one_sentence_with_its_place(case: str, is_whole: bool, tmp_path: Path) -> None:
    text, expected = REFUSED[case]
    if text.startswith("[run]") and not is_whole:
        return  # alone, only the page's own section is looked at
    text = text + MINIMAL if is_whole else text
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        (load_config if is_whole else load_dashboard)(file)
    assert expected in str(refused.value)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert DIGEST not in str(refused.value)


@pytest.mark.parametrize("key", ["password", "pass", "password_hash", "passwd", "token"])
def test_a_password_is_refused_with_the_way_to_write_its_hash_and_not_repeated(key: str, tmp_path: Path) -> None:
    file = write(tmp_path, f"[dashboard.users.ana]\nrole = 'trader'\n{key} = 'correct horse battery'\n")
    with pytest.raises(CredentialsError) as refused:
        load_dashboard(file)
    assert "`perpmaker dashboard hash`" in str(refused.value)
    assert "horse" not in str(refused.value)


@pytest.mark.parametrize("section", ["dashboard", "run", "markets.sol", "dashboard.users"])
def test_a_hash_elsewhere_is_a_secret_like_any_other(section: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError) as refused:
        load_dashboard(write(tmp_path, f"[{section}]\npassword_hash = '{HASH}'\n"))
    assert DIGEST not in str(refused.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_hashes_that_others_can_read_are_refused(mode: int, tmp_path: Path) -> None:
    file = write(tmp_path, PAGE, mode)
    with pytest.raises(CredentialsError, match=f"others can read the password hashes in {file}: run `chmod 600"):
        load_dashboard(file)
    assert load_dashboard(write(tmp_path, "[dashboard]\nport = 9000\n", mode)).flags.port == 9000, "no hash, no harm"


def test_no_command_shows_a_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, MINIMAL + PAGE)
    for command in ("show", "check"):
        assert _run(["config", command, str(file)]) == 0
        said = capsys.readouterr().out
        assert DIGEST not in said
        assert "ana (trader), token (viewer)" in said
    assert DIGEST not in repr(load_config(file).dashboard)


def test_what_is_shown_is_a_file_that_says_the_same_but_for_the_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(["config", "show", str(write(tmp_path, MINIMAL + PAGE))])
    shown = config(tmp_path, capsys.readouterr().out).dashboard
    assert shown.flags == DashboardFlags(
        host="192.168.1.5", port=9000, tls_cert=Path("cert.pem"), tls_key=Path("key.pem")
    )
    assert shown.users == ()


@pytest.mark.parametrize("text", ["", "hunter2", HASH[:40], HASH.replace("argon2id", "bcrypt"), "$" * 80, HASH[1:]])
def test_what_is_no_hash_is_refused_unseen(text: str, tmp_path: Path) -> None:
    file = write(tmp_path, PAGE.replace(HASH, text))
    with pytest.raises(CredentialsError) as refused:
        load_dashboard(file)
    assert not text or text not in str(refused.value)


def test_the_hash_that_the_program_makes_is_one(tmp_path: Path) -> None:
    made = hash_password("a password")
    assert load_dashboard(write(tmp_path, PAGE.replace(HASH, made))).users[0].password_hash == made


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_only_this_machine_reaches_a_loopback_address(host: str) -> None:
    assert is_loopback(host)
    DashboardFlags(host=host).check()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "127.0.0.1.example.org"])  # noqa: S104
def test_every_other_address_needs_tls_or_to_be_asked_for(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(InvalidSettingError, match="SSH tunnel"):
        DashboardFlags(host=host).check()
    DashboardFlags(host=host, insecure_remote=True).check()
    DashboardFlags(host=host, tls_cert=Path("c"), tls_key=Path("k")).check()


@pytest.mark.parametrize(
    "flags", [DashboardFlags(insecure_remote=True), DashboardFlags(
        host="10.0.0.1", insecure_remote=True, tls_cert=Path("c"), tls_key=Path("k"))],
)  # fmt: skip
def test_to_ask_for_what_is_not_needed_is_refused(flags: DashboardFlags) -> None:
    with pytest.raises(InvalidSettingError, match="--insecure-remote does nothing"):
        flags.check()
