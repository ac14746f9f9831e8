"""The panel of secrets, as a user works with it: every secret is typed into a hidden prompt."""

from __future__ import annotations

import secrets

import pytest
from browser import fronts
from browser.panel_looks import axe_faults, is_within, wide_again

pytestmark = pytest.mark.timeout(180)


@pytest.mark.thorough
def test_the_life_of_a_secret(jupyter, lab):  # noqa: PLR0915  # one sitting at the panel
    passphrase, token = f"canary {secrets.token_hex(8)}", f"canary-{secrets.token_hex(8)}"
    jupyter.write(
        "life.ipynb",
        ["%hero_context life --new", "%hero_panel secrets", "%hero_secret lock", "%hero_secret"],
    )
    lab.open("life.ipynb")
    lab.run(0)
    lab.run(1)
    page, keys = lab.page, lab.page.keyboard
    panel = page.locator(".hero-view-secrets")
    said = panel.locator(".hero-said")

    def press(name: str, *answers: str) -> None:
        panel.get_by_role("button", name=name, exact=True).click()
        for answer in answers:
            field = page.get_by_label("Hidden answer")
            field.wait_for()
            assert field.get_attribute("type") == "password"
            field.fill(answer)
            question = page.get_by_role("dialog").locator("p").inner_text()
            keys.press("Enter")
            page.get_by_text(question, exact=True).wait_for(state="detached")

    panel.get_by_text("This context has no secret").wait_for()
    press("Set up a secret", passphrase, passphrase)
    panel.get_by_text("Unlocked in this kernel.").wait_for()
    panel.get_by_text("scrypt").wait_for()
    panel.get_by_role("button", name="Add secret").click()
    panel.get_by_role("textbox", name="Name").fill("api token?")
    press("Ask for its value")
    panel.locator(".hero-fault").get_by_text("secret name 'api token?' holds").wait_for()
    panel.get_by_role("textbox", name="Name").fill("api_token")
    press("Ask for its value", token)
    panel.get_by_text("set, just now").wait_for()
    press("Lock")
    panel.get_by_text("Locked in this kernel:").wait_for()
    press("Unlock", "a wrong one", passphrase)
    panel.get_by_text("Unlocked in this kernel.").wait_for()
    lab.run(2)  # in a cell
    panel.get_by_text("Locked in this kernel:").wait_for(timeout=1500)
    press("Unlock", passphrase)
    panel.get_by_text("Unlocked in this kernel.").wait_for()
    kid = panel.locator("dd").nth(3).inner_text()
    press("Rotate the key")
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    page.get_by_label("Hidden answer").fill(passphrase)
    keys.press("Enter")
    said.get_by_text("has a new key").wait_for()
    assert panel.locator("dd").nth(3).inner_text() != kid
    assert axe_faults(page) == []
    assert is_within(page, 320)
    wide_again(page)
    lab.dark()
    assert axe_faults(page) == []
    press("Delete api_token")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    panel.get_by_text("no secret is kept under a name").wait_for()
    lab.save()
    files = [one.read_bytes() for one in jupyter.folder.rglob("*") if one.is_file()]
    for canary in (passphrase, token):
        assert canary not in page.content()
        assert not [data for data in files if canary.encode() in data]


@pytest.mark.thorough
def test_all_of_them_in_notebook_7(browser, jupyter):
    """What is typed stays while another panel is looked at; keys do not reach the notebook."""
    jupyter.write("seven-secrets.ipynb", ["%hero_env set CITY=Ghent", "%hero_panel all", "1"])
    with fronts.tab(browser, jupyter.notebook("seven-secrets.ipynb")) as one:
        one.found()
        one.run(0)
        one.run(1)
        page = one.page
        page.get_by_role("tab", name="env").click()
        page.get_by_role("button", name="Edit CITY").click()
        field = page.get_by_label("Value of CITY")
        field.fill("typed")
        page.get_by_role("tab", name="secrets").click()
        page.get_by_text("This context has no secret").wait_for()
        assert not field.is_visible()
        page.keyboard.press("x")  # which cuts a cell
        page.get_by_role("tab", name="env").click()
        assert field.input_value() == "typed"
        field.press("Enter")
        page.get_by_text("CITY set", exact=True).wait_for()
        assert page.evaluate("() => window.shownNotebook.content.widgets.length") == 3
        one.check()
