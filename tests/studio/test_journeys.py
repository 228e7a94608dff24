"""Journeys of a musician through the page, in a real browser, with the demo and two solver steps.

None leaves an error in the console or a request to another host.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from axe_selenium_python import Axe
from browser import Page, opened_page
from selenium.webdriver.common.keys import Keys

from jasco import Jasco
from jasco.audio import read_recipe
from jasco.studio.models import PUBLISHED

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "assets" / "samples"


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wav that the fake microphone plays: A3, C4, E4 with two overtones."""
    time_ = np.arange(int(0.8 * 48000)) / 48000
    tones = [
        sum(np.sin(2 * np.pi * pitch * k * time_) / k for k in (1, 2, 3)) * np.hanning(len(time_))
        for pitch in (220.0, 261.63, 329.63)
    ]
    path = tmp_path_factory.mktemp("voice") / "hum.wav"
    soundfile.write(path, 0.3 * np.concatenate(tones), 48000, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def hub(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hub cache with a small model under the name of a published one."""
    cache = tmp_path_factory.mktemp("hub")
    folder = cache / f"models--{PUBLISHED[0].replace('/', '--')}"
    for part in ("blobs", "refs", "snapshots"):
        (folder / part).mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    snapshot = tiny.save_pretrained(folder / "snapshots" / ("0" * 40))
    for number, file in enumerate(path for path in snapshot.rglob("*") if path.is_file()):
        file.rename(blob := folder / "blobs" / str(number))
        file.symlink_to(blob)
    return cache


@pytest.fixture(scope="module")
def server(hub: Path, small_separator: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of a studio, with small weights of models that are fetched."""
    fetched = {"HF_HUB_CACHE": str(hub), "JASCO_DEMUCS_WEIGHTS": str(small_separator)}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "jasco.cli.studio", "--port", str(port)]
    process = subprocess.Popen(
        program, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | fetched
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in line, line
        yield f"http://127.0.0.1:{port}/", process.pid
    finally:
        process.terminate()
        assert process.wait(30) == 143


@pytest.fixture(scope="module")
def browser(
    server: tuple[str, int], tune: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    profile = tmp_path_factory.mktemp("profile")
    microphone = f"--use-file-for-fake-audio-capture={tune}"
    with opened_page(server[0], profile, microphone) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """Fresh page with two steps of the solver; afterwards its logs are looked through."""
    browser.driver.get(browser.address + "studio/static/icon.svg")
    browser.run("localStorage.clear(); sessionStorage.clear()")
    browser.open()
    browser.set("#steps", 2)
    yield browser
    assert browser.errors() == []
    assert browser.hosts() <= {"127.0.0.1"}


def type_chords(page: Page, *names: str) -> None:
    """Type chords into the lane, one a bar."""
    page.click("#chords .hint")
    for count, name in enumerate(names, 1):
        page.until(lambda: page.all("#chords input"))[0].send_keys(name + "\t")
        page.until(lambda count=count: len(page.all("#chords .chord")) == count)


def file_of_take(page: Page, folder: Path) -> Path:
    """File of the take that is shown."""
    address = page.until(lambda: page.find("#download").get_attribute("href"))
    with urllib.request.urlopen(address) as answer:
        path = folder / "take.flac"
        path.write_bytes(answer.read())
    return path


def test_a_chart_is_typed_and_heard(page: Page) -> None:
    page.find("#text").send_keys("lo-fi piano")
    type_chords(page, "Dm7", "G7", "Cmaj7", "A7")
    assert page.find("#written").get_attribute("value") == "Dm7 | G7 | Cmaj7 | A7"
    page.watch("#audition")
    page.click("#audition")
    page.until(lambda: ("■ Stop", 0) in page.seen())
    page.watch("#clock")
    take = page.generate()
    assert "lo-fi piano" in take.text
    page.until(lambda: any(text.startswith("0:02") for text, _ in page.seen()))  # it plays
    page.until(lambda: len(page.all("#scores .meter")) == 1)
    page.until(lambda: page.find("#play").accessible_name == "Play" or page.click("#play"))
    for key, clock in ((Keys.HOME, "0:00"), (Keys.RIGHT + Keys.RIGHT, "0:05"), (Keys.END, "0:10")):
        page.find("#result-box").send_keys(key)
        assert page.find("#clock").text == f"{clock} / 0:10"
    asked, found = page.all("#result-lanes .extracted")
    assert asked.text.split() == ["Dm7", "G7", "Cmaj7", "A7"]
    assert found.find_elements("css selector", ".chord")


def test_dropped_drums_are_drawn_and_used(page: Page) -> None:
    page.drop("#drums", SAMPLES / "beat.ogg")
    page.until(lambda: len(page.all("#drums .tick")) > 20)
    assert "beat.ogg" in page.find("#drums").text
    page.generate()
    page.until(lambda: page.all("#scores .meter"))
    assert "strokes" in page.find("#scores").text


def test_the_drums_of_a_song_are_separated(page: Page) -> None:
    page.watch("#message-text")
    page.click("#open-song")
    page.find("#file").send_keys(str(SAMPLES / "beat.ogg"))
    page.until(lambda: "drums of beat.ogg" in page.find("#drums").text)
    length = soundfile.info(SAMPLES / "beat.ogg").duration
    done = [float(text.split()[3]) for text, _ in page.seen() if text.startswith("Separating")]
    assert len(done) > 2 and done == sorted(done) and done[-1] == pytest.approx(length, abs=0.06)


def test_another_model_is_fetched_and_used(page: Page) -> None:
    page.watch("#message-text")
    try:
        page.set("#model", PUBLISHED[0])
        page.until(lambda: any(f"{PUBLISHED[0]} is ready" in text for text, _ in page.seen()))
        assert any(
            text.startswith(f"Loading {PUBLISHED[0]}") and text.endswith("MB here")
            for text, _ in page.seen()
        )
        page.set("#bars", 1)
        page.find("#text").send_keys("march")
        page.generate()
    finally:
        page.set("#model", "demo")
        page.until(lambda: any("demo is ready" in text for text, _ in page.seen()))


def test_a_hummed_tune_becomes_notes(page: Page) -> None:
    page.set("#bpm", 240)  # a bar of clicks lasts a second
    page.click("#hum")
    page.until(lambda: page.find("#hum").text.endswith("Stop"))
    time.sleep(4)  # the microphone plays the tune over and over
    page.click("#hum")
    page.until(lambda: page.all("#roll .note"))
    names = {note.get_attribute("aria-label").split(",")[0] for note in page.all("#roll .note")}
    assert len(names & {"A3", "C4", "E4"}) >= 2


def test_bars_are_made_anew_and_the_others_stay(page: Page, tmp_path: Path) -> None:
    page.set("#written", "C | Am | F | G")
    page.until(lambda: len(page.all("#chords .chord")) == 4)
    page.generate()
    before, rate = soundfile.read(file_of_take(page, tmp_path))
    page.click("#ruler [data-bar='3']")
    page.find("#ruler [data-bar='3']").send_keys(Keys.SHIFT + Keys.RIGHT)
    assert page.find("#again").text == "Regenerate bars 3–4"
    page.until(lambda: page.find("#again").is_enabled())
    page.set("#bpm", 120)  # the bars are those of the take
    page.click("#again")
    page.until(lambda: len(page.all("#takes li")) == 2)
    page.until(lambda: "bars 3–4" in page.find("#result-facts").text)
    after, _ = soundfile.read(file_of_take(page, tmp_path))
    assert len(before) == len(after)
    kept = int(4.9 * rate)
    assert np.array_equal(before[:kept], after[:kept])
    assert not np.array_equal(before[int(5.5 * rate) :], after[int(5.5 * rate) :])


def test_a_long_take_plays_while_it_is_made(page: Page) -> None:
    page.find("#text").send_keys("ambient pads")
    page.set("#bars", 10)  # three windows of the model
    page.watch("#clock")
    page.generate()
    assert any(text.startswith("0:01") and not takes for text, takes in page.seen())
    assert page.find("#clock").text.endswith("/ 0:25")


def test_a_take_is_continued_varied_and_closed_into_a_loop(page: Page) -> None:
    for field, value in (("#bpm", 120), ("#bars", 2), ("#pattern", "funk"), ("#written", "C | F")):
        page.set(field, value)
    page.until(lambda: len(page.all("#chords .chord")) == 2)
    page.generate()
    lengths = []
    for count, button in enumerate(("#extend", "#vary", "#make-loop"), 2):
        page.until(lambda button=button: page.find(button).is_enabled())
        page.click(button)
        page.until(lambda count=count: len(page.all("#takes li")) == count)
        lengths.append(page.find("#takes .name span").text.split(", ")[::2])
    assert lengths == [["extended", "0:08"], ["variation", "0:08"], ["loop", "0:04"]]


def test_an_earlier_take_is_compared_at_equal_loudness_and_kept(page: Page) -> None:
    page.set("#pattern", "rock")
    for _ in range(2):
        page.generate()
        page.until(lambda: page.find("#generate").is_displayed())
    page.until(lambda: not page.find("#a").is_displayed())
    page.click("#takes li:nth-child(2) button[aria-pressed]")
    page.click("#b")
    page.until(lambda: page.find("#b").get_attribute("aria-pressed") == "true")
    page.click("#keep")
    page.open()
    assert page.find("#takes b").text.startswith("★")


def test_keys_edit_the_chord_lane(page: Page) -> None:
    page.set("#written", "C | F | G | Am")
    page.until(lambda: len(page.all("#chords .chord")) == 4)
    written = page.find("#written")

    def press(selector: str, keys: str, expected: str) -> None:
        page.find(selector).send_keys(keys)
        page.until(lambda: written.get_attribute("value") == expected)

    shift, left, right, up = Keys.SHIFT, Keys.LEFT, Keys.RIGHT, Keys.UP
    delete, enter = Keys.DELETE, Keys.ENTER
    press("#chords .chord", "+", "C# | F | G | Am")
    press("#chords .chord", "-", "C | F | G | Am")
    press("#chords .border", left + left, "C . . F | F | G | Am")
    press("#chords .border", right + right, "C | F | G | Am")
    press("#chords [data-index='3']", delete, "C | F | G | G")
    press("#chords [data-index='1']", enter + "Bb7" + enter, "C | Bb7 | G | G")
    page.find("#ruler .bar").send_keys(" ")
    page.find("#ruler .bar").send_keys(shift + right)
    page.click("#copy")
    page.click("#fill")
    page.until(lambda: written.get_attribute("value") == "C | Bb7 | C | Bb7")
    page.click("#undo")
    page.until(lambda: written.get_attribute("value") == "C | Bb7 | G | G")
    page.click("#up")  # of the selected bars
    page.until(lambda: written.get_attribute("value") == "C# | B7 | G | G")
    page.click("#draw")
    page.find("#roll").send_keys(enter)
    for keys in (up + right, shift + right, enter):
        page.run("return document.activeElement").send_keys(keys)
    notes = [note.get_attribute("aria-label") for note in page.all("#roll .note")]
    assert notes == ["Ab4, beat 1.5, 1.5 beats", "Ab4, beat 3, 1.5 beats"]


def test_a_dropped_chart_is_laid_on_the_bars(page: Page, tmp_path: Path) -> None:
    chart = tmp_path / "waltz.abc"
    chart.write_text('X:1\nT:Waltz\nM:3/4\nL:1/4\nQ:1/4=120\nK:C\n"C"c e g|"F"a3|"G7"g2 f|"C"e3|\n')
    page.drop("#desk", chart)
    page.until(lambda: len(page.all("#chords .chord")) == 4)
    assert page.find("#written").get_attribute("value") == "C | F | G7 | C"
    assert page.find("#metre").get_attribute("value") == "3/4"
    assert len(page.all("#roll .note")) == 7


def test_other_notations_are_pasted_and_a_new_metre_keeps_the_bars(page: Page) -> None:
    def reads(text: str, expected: str) -> None:
        page.set("#written", text)
        page.until(lambda: page.find("#written").get_attribute("value") == expected)

    link = "irealb://Blues=Composer==Medium Swing=C==1r34LbKcu7T44C7 |F7 |C7 |C7 |"
    reads(link, "C7 | F7 | C7 | C7")
    reads('X:1\nM:4/4\nL:1/4\nK:C\n"C"c e "Am"g a|"F"a4|', "C Am | F")
    page.set("#metre", "3/4")
    page.until(lambda: page.find("#written").get_attribute("value") == "C . Am | F")
    page.set("#written", "ii V7 I")
    page.until(lambda: "choose one beside" in page.message)
    page.set("#key", "D major")
    page.until(lambda: page.find("#written").get_attribute("value") == "Em | A7 | D")


def test_axe_finds_no_serious_fault(page: Page) -> None:
    page.set("#pattern", "pop")
    page.set("#written", "C | Am | F | G")
    page.until(lambda: page.all("#drums .tick"))
    page.click("#draw")
    page.generate()
    page.until(lambda: len(page.all("#scores .meter")) == 2)
    axe = Axe(page.driver)
    axe.inject()
    found = axe.run()
    assert len(found["passes"]) > 10
    faults = [fault for fault in found["violations"] if fault["impact"] != "minor"]
    assert not [(fault["help"], [node["html"] for node in fault["nodes"]]) for fault in faults]


def test_cancel_stops_the_work(page: Page, server: tuple[str, int]) -> None:
    def busy() -> float:
        """Share of a processor that the server takes over half a second."""
        times = []
        for wait in (0.5, 0.0):
            fields = Path(f"/proc/{server[1]}/stat").read_text().rpartition(")")[2].split()
            times.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
            time.sleep(wait)
        return times[1] - times[0]

    page.set("#steps", 200)
    page.set("#bars", 60)  # of 2.5 s: minutes of work
    page.set("#stream", "on")
    page.find("#text").send_keys("march")
    page.click("#generate")
    page.until(lambda: page.find("#step").text.startswith("Step"))
    page.click("#cancel")
    page.until(lambda: page.find("#generate").is_displayed())
    page.until(lambda: busy() < 0.05)
    assert not page.all("#takes li")
    page.click("#generate")
    page.until(lambda: page.find("#step").text.startswith("Step"))
    page.driver.get(page.address + "studio/static/icon.svg")  # the page is left
    page.until(lambda: busy() < 0.05)


def test_a_reload_keeps_desk_and_takes(page: Page) -> None:
    page.find("#text").send_keys("slow waltz")
    page.set("#metre", "3/4")
    page.set("#written", "C | F | G | C")
    page.until(lambda: len(page.all("#chords .chord")) == 4)
    page.generate()
    page.open()
    assert page.find("#text").get_attribute("value") == "slow waltz"
    assert page.find("#metre").get_attribute("value") == "3/4"
    assert len(page.all("#chords .chord")) == 4
    page.watch("#clock")
    page.click("#takes .name")
    page.until(lambda: any(text.startswith("0:01") for text, _ in page.seen()))
    with page.tab():  # another one has a desk of its own, and the same takes
        page.set("#text", "fast samba")
        page.click("#takes [aria-label^=Remove]")
    page.until(lambda: not page.all("#takes li"))
    page.open()
    assert page.find("#text").get_attribute("value") == "slow waltz"


def test_a_dropped_take_restores_its_settings(page: Page, tmp_path: Path) -> None:
    page.find("#text").send_keys("funk in the rain")
    page.set("#bpm", 120)
    page.set("#written", "Em7 . A7 . | D | Em7 | A7")
    page.until(lambda: len(page.all("#chords .chord")) == 5)
    page.set("#seed", 4711)
    page.generate()
    take = file_of_take(page, tmp_path)
    page.run("localStorage.clear(); sessionStorage.clear()")
    page.open()
    assert not page.all("#takes li")
    page.drop("#desk", take)
    page.until(lambda: page.all("#takes li"))
    wanted = {"text": "funk in the rain", "bpm": "120", "seed": "4711", "bars": "4", "steps": "2"}
    assert wanted == {name: page.find(f"#{name}").get_attribute("value") for name in wanted}
    assert page.find("#written").get_attribute("value") == "Em7 A7 | D | Em7 | A7"
    recipe = tmp_path / "take.json"  # as it lies beside a wav file
    recipe.write_text(json.dumps(read_recipe(take)))
    page.set("#seed", 1)
    page.drop("#desk", recipe)
    page.until(lambda: len(page.all("#takes li")) == 2)
    assert "recipe only" in page.find("#takes .name").text
    assert page.find("#seed").get_attribute("value") == "4711"


@pytest.mark.parametrize("place", ["#drums", "#desk"])
def test_a_wrong_file_is_named_in_the_page(page: Page, tmp_path: Path, place: str) -> None:
    wrong = tmp_path / "holiday.wav"
    wrong.write_text("no sound at all")
    page.drop(place, wrong)
    page.until(lambda: page.find("#message").get_attribute("class") == "error")
    assert "holiday.wav" in page.message
    assert "jasco-studio" not in page.message  # no path of the server
    assert not page.all("#takes li")


def test_a_chord_that_cannot_be_read_is_named(page: Page) -> None:
    page.click("#chords .hint")
    page.find("#chords input").send_keys("Hx7\n")
    page.until(lambda: page.find("#message").get_attribute("class") == "error")
    assert "'Hx7'" in page.message
