"""The panel of config files, as a user works with it."""

from __future__ import annotations

import secrets

import pytest
from browser.panel_looks import at_terminal, axe_faults, is_within, wide_again

pytestmark = pytest.mark.timeout(180)


@pytest.mark.thorough
def test_files_are_made_edited_and_brought_back(jupyter, lab):  # noqa: PLR0915  # one sitting at the panel
    jupyter.write(
        "files.ipynb",
        ["%hero_context files --new\n%hero_config set app old 'a: <b>1</b>'", "%hero_panel config"],
    )
    lab.open("files.ipynb")
    lab.run(0)
    lab.run(1)
    page, keys = lab.page, lab.page.keyboard
    panel = page.locator(".hero-view-config")
    said, fault = panel.locator(".hero-said"), panel.locator(".hero-fault")

    panel.get_by_role("button", name="New file").click()
    form = panel.get_by_role("group", name="New file")
    form.get_by_label("Category").fill("app")
    form.get_by_label("Name").fill("mail")
    keys.press("Enter")
    text = panel.get_by_label("Text of app mail")
    text.fill("smtp:\n  host: mail\n\tport: 25\n")
    keys.press("Control+Enter")
    fault.get_by_text("line 3, column 1: a tab cannot stand here").wait_for()
    assert panel.locator("mark").inner_text().strip() == "3"
    assert text.input_value() == "smtp:\n  host: mail\n\tport: 25\n"
    assert text.evaluate("field => field.selectionStart") == 19
    text.fill("smtp:\n  host: mail\n  port: 25\n")
    keys.press("Control+s")
    said.get_by_text("app mail saved").wait_for()
    assert fault.count() == 0

    def kept(name: str) -> str:
        return at_terminal(jupyter, "-c", "files", "config", "get", "app", name)

    assert kept("mail") == "smtp:\n  host: mail\n  port: 25"
    file = panel.get_by_role("region", name="app mail")
    file.locator("pre").last.get_by_text("port: 25").wait_for()

    at_terminal(jupyter, "-c", "files", "config", "set", "app", "mail", "a: elsewhere")
    file.get_by_text("a: elsewhere").wait_for(timeout=2000)
    panel.get_by_role("button", name="Edit").click()
    text.fill("a: here")
    at_terminal(jupyter, "-c", "files", "config", "set", "app", "mail", "a: elsewhere again")
    panel.get_by_text("It was changed elsewhere meanwhile").wait_for()
    keys.press("Control+Enter")
    fault.get_by_text("app mail was changed meanwhile").wait_for()
    assert text.input_value() == "a: here"
    assert kept("mail") == "a: elsewhere again"
    panel.get_by_role("button", name="Write over it").click()
    said.get_by_text("app mail saved").wait_for()
    assert kept("mail") == "a: here"

    panel.get_by_role("button", name="old", exact=True).click()
    panel.get_by_role("region", name="app old").get_by_text("a: <b>1</b>").wait_for()
    assert panel.locator("b").count() == 0
    panel.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    said.get_by_text("app old deleted; Undo takes it back").wait_for()
    panel.get_by_role("button", name="Undo the deletion of app old").click()
    panel.get_by_role("button", name="old", exact=True).wait_for()
    assert kept("old") == "a: <b>1</b>"

    panel.get_by_role("button", name="mail", exact=True).click()
    panel.get_by_role("button", name="Edit").click()
    text.fill("a: typed, and not saved")
    keys.press("Escape")
    page.get_by_text("Throw away what is typed?").wait_for()
    keys.press("Escape")
    assert text.input_value() == "a: typed, and not saved"
    assert axe_faults(page) == []
    assert is_within(page, 320)
    wide_again(page)
    lab.dark()
    assert axe_faults(page) == []


@pytest.mark.thorough
def test_encrypted_values_are_masks_and_stay_what_they_are(jupyter, lab):
    passphrase, value = f"canary {secrets.token_hex(8)}", f"canary-{secrets.token_hex(8)}"
    passphrase_file = jupyter.folder / "passphrase"
    passphrase_file.write_text(passphrase)
    passphrase_file.chmod(0o600)
    values = jupyter.folder / "values"
    values.write_text(f"smtp:\n  host: mail\n  password: {value}\n")
    jupyter.write(
        "masks.ipynb",
        [
            f"""%hero_context masks --new
%hero_secret new --file {passphrase_file}
%hero_config set app mail -f {values} --raw
%hero_config seal app mail smtp.password
%hero_secret lock""",
            "%hero_panel config",
            f"%hero_secret unlock --file {passphrase_file}\n%hero_config load app mail",
        ],
    )
    lab.open("masks.ipynb")
    lab.run(0)
    lab.run(1)
    page, keys = lab.page, lab.page.keyboard
    panel = page.locator(".hero-view-config")
    panel.get_by_role("button", name="mail", exact=True).click()
    panel.get_by_text("Encrypted: smtp.password").wait_for()
    assert "hero:v1" not in page.content()
    panel.get_by_role("button", name="Edit").click()
    text = panel.get_by_label("Text of app mail")
    masked = text.input_value()
    text.fill(masked.replace("password", "token"))
    keys.press("Control+Enter")
    panel.get_by_text("the mask at smtp.token stands for nothing").wait_for()
    text.fill(masked.replace("host: mail", "host: other"))
    keys.press("Control+Enter")
    panel.locator(".hero-said").get_by_text("app mail saved").wait_for()
    lab.run(2)
    lab.output(2).get_by_text("'host': 'other', 'password': Secret(••••••)").wait_for()
    panel.get_by_label("Value").select_option("smtp.host")
    panel.get_by_role("button", name="Encrypt value").click()
    panel.get_by_text("Encrypted: smtp.host, smtp.password").wait_for()
    lab.save()
    values.unlink()
    passphrase_file.unlink()
    files = [one.read_bytes() for one in jupyter.folder.rglob("*") if one.is_file()]
    for canary in (passphrase, value):
        assert canary not in page.content()
        assert not [data for data in files if canary.encode() in data]
