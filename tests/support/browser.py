"""Headless Chromium on the page of a studio, and what it logged and asked of the network."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

WAIT = 120.0  # s until something that takes a second on a quiet machine has to be there
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


class Page:
    """Page of the studio in a browser of its own."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self) -> None:
        self.driver.get(self.address)
        self.until(lambda: "ready" in (self.find("body").get_attribute("class") or ""))

    @contextmanager
    def tab(self) -> Iterator[None]:
        """Another tab of the browser with the page, within the block."""
        first = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        try:
            self.open()
            yield
        finally:
            self.driver.close()
            self.driver.switch_to.window(first)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def shown(self, selector: str) -> WebElement:
        """Element, scrolled into view."""
        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        return element

    def click(self, selector: str) -> None:
        """Click on an element, found anew where the page has drawn it again meanwhile."""

        def clicked() -> bool:
            try:
                self.shown(selector).click()
            except StaleElementReferenceException:
                return False
            return True

        self.until(clicked)

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def set(self, selector: str, value: object) -> None:
        """Give a field a value as a user does who leaves it afterwards."""
        self.run(
            "arguments[0].value = arguments[1];"
            "for (const kind of ['input', 'change']) arguments[0].dispatchEvent(new Event(kind))",
            self.find(selector),
            str(value),
        )

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait for a condition, and return its value."""
        end = time.monotonic() + WAIT
        while not (found := holds()):
            assert time.monotonic() < end, f"not within {WAIT:g} s; the page says {self.message!r}"
            time.sleep(0.05)
        return found

    def watch(self, selector: str) -> None:
        """Record the states of an element from now on, for `seen`."""
        self.run(
            "const element = arguments[0]; window.watched = [];"
            "new MutationObserver(() => window.watched.push([element.textContent,"
            " document.querySelectorAll('#takes li').length]))"
            ".observe(element, {childList: true, characterData: true, subtree: true})",
            self.find(selector),
        )

    def seen(self) -> list[tuple[str, int]]:
        """Texts of the watched element in order, each with the number of takes at that time."""
        return [(text, takes) for text, takes in self.run("return window.watched")]

    @property
    def message(self) -> str:
        return str(self.run("return document.querySelector('#message-text').textContent"))

    def drop(self, selector: str, file: Path) -> None:
        """Drop a file on an element."""
        box = self.run("return arguments[0].getBoundingClientRect().toJSON()", self.shown(selector))
        place = {"x": box["left"] + 20, "y": box["top"] + min(box["height"] / 2, 100)}
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, **place, "data": data}
            self.driver.execute_cdp_cmd("Input.dispatchDragEvent", event)

    def generate(self) -> WebElement:
        """Generate a take, and wait for it in the list."""
        before = len(self.all("#takes li"))
        self.click("#generate")
        self.until(lambda: len(self.all("#takes li")) > before)
        return self.find("#takes li")

    def errors(self) -> list[str]:
        """Lines of the console since the last call that are warnings or errors."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def hosts(self) -> set[str]:
        """Hosts that were asked for something since the last call."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                address = urlsplit(message["params"]["request"]["url"])
                if address.scheme in ("http", "https", "ws", "wss"):
                    found.add(str(address.hostname))
        return found


@contextmanager
def opened_page(address: str, profile: Path, *options: str) -> Iterator[Page]:
    """Page in a browser with a new profile."""
    given = webdriver.ChromeOptions()
    given.binary_location = "/usr/bin/chromium"
    for option in (*OPTIONS, f"--user-data-dir={profile}", "--window-size=1280,1400", *options):
        given.add_argument(option)
    given.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=given, service=Service("/usr/bin/chromedriver"))
    try:
        yield Page(driver, address)
    finally:
        driver.quit()
