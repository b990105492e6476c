//! The dashboard's page in a browser without a window, on this example as it is built.
//!
//! Needs Chromium (Debian: chromium), found by its name or by `IO2_TEST_BROWSER`; without one the tests say so and
//! pass.

mod chromium;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use io2_tests::child;

use self::chromium::{Browser, Tab};

const LONG: Duration = Duration::from_secs(120);

/// The example, until this is dropped.
struct Stalls {
    child: Child,
    url: String,
}

impl Stalls {
    fn start() -> Stalls {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stalls"))
            .args(["--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        Stalls { child, url }
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Repeats until the page gives something else than false, null and an empty text.
#[track_caller]
fn until(tab: &mut Tab, script: &str) -> String {
    let start = Instant::now();
    loop {
        let value = tab.run(script);
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            return text.to_owned();
        }
        if value == true {
            return String::new();
        }
        if start.elapsed() >= LONG {
            let page = tab.run("document.body.innerText");
            panic!("never: {script}\n{page}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The text of what is shown of the chosen poll.
const DETAILS: &str = "document.querySelector('#details').innerText";

#[test]
fn the_page_shows_which_task_stalls_where_and_in_which_function() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let stalls = Stalls::start();
    let mut tab = browser.open(&stalls.url, 1440);
    // A bar for the task, with the place where it was spawned.
    let bar = |task: &str| {
        format!(
            "[...document.querySelectorAll('.bar')].reverse().find(bar => bar.getAttribute('aria-label').startsWith('{task}: '))"
        )
    };
    let label = until(
        &mut tab,
        &format!("{}?.getAttribute('aria-label')", bar("indexer")),
    );
    assert!(label.contains("examples/stalls/main.rs:"), "{label}");
    assert!(label.contains("\u{a0}ms"), "{label}");

    // By the mouse, on a bar that no other one lies upon.
    let start = Instant::now();
    loop {
        let at = tab.run(
            "(() => { for (const bar of [...document.querySelectorAll('.bar')].reverse()) { \
             if (!bar.getAttribute('aria-label').startsWith('indexer: ')) continue; \
             const box = bar.querySelector('.mark').getBoundingClientRect(); \
             const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]; \
             if (bar.contains(document.elementFromPoint(x, y))) return [x, y]; } })()",
        );
        if let (Some(x), Some(y)) = (at[0].as_f64(), at[1].as_f64()) {
            tab.click(x, y);
        }
        let details = tab.run(DETAILS);
        let details = details.as_str().unwrap();
        // With frame pointers, of one of them the watchdog has seen the stack.
        let stack = !cfg!(io2_frames) || details.contains("stalls::build_index");
        if details.starts_with("indexer: ") && stack {
            for part in [
                "examples/stalls/main.rs:",
                "ready task",
                "of a slice of 10.0\u{a0}ms",
                "Stack",
            ] {
                assert!(details.contains(part), "{part}: {details}");
            }
            break;
        }
        assert!(start.elapsed() < LONG, "{at} {details}");
        std::thread::sleep(Duration::from_millis(200));
    }

    // By the keyboard.
    until(&mut tab, &format!("!!{}", bar("reporter")));
    tab.run(&format!("{}.focus()", bar("reporter")));
    tab.key("Enter", 13);
    let start = Instant::now();
    loop {
        let details = tab.run(DETAILS);
        if details.as_str().unwrap().starts_with("reporter: ") {
            break;
        }
        assert!(start.elapsed() < LONG, "{details}");
        std::thread::sleep(Duration::from_millis(50));
    }

    // And every panel has something to show.
    for panel in [
        "latest",
        "offenders",
        "poll_time",
        "wake_delay",
        "latency",
        "loop",
        "ring",
        "operations",
        "timers",
        "tasks",
        "config",
    ] {
        until(
            &mut tab,
            &format!("document.getElementById('{panel}').innerText.length > 20"),
        );
    }
    let tasks = until(&mut tab, "document.getElementById('tasks').innerText");
    assert!(
        tasks.contains("heartbeat") && tasks.contains("waits for"),
        "{tasks}"
    );
    // A quiet one, too: it yields.
    let said = tab.complaints();
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn the_page_fits_a_phone_and_says_when_the_connection_is_lost() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let stalls = Stalls::start();
    let mut tab = browser.open(&stalls.url, 390);
    until(
        &mut tab,
        "document.querySelector('#tasks table') && document.querySelector('.bar') && true",
    );
    let root = "document.documentElement";
    let (wide, screen) = (
        tab.run(&format!("{root}.scrollWidth")),
        tab.run(&format!("{root}.clientWidth")),
    );
    assert_eq!(wide, screen, "it is wider than the screen");
    // Places in the source break between their parts, not within a number.
    let broken = "[...document.querySelectorAll('td[data-head=\"Spawned at\"]')].flatMap(cell => { \
         const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), found = []; \
         while (texts.nextNode()) { const range = document.createRange(); range.selectNode(texts.currentNode); \
         if (range.getClientRects().length > 1) found.push(cell.innerText); } return found; }).join()";
    assert_eq!(tab.run(broken), "");
    let status = until(&mut tab, "document.getElementById('status').innerText");
    assert_eq!(status, "Live");
    drop(stalls);
    until(
        &mut tab,
        "document.getElementById('status').innerText.startsWith('Connection lost')",
    );
}

#[test]
fn names_of_tasks_are_text_whatever_is_in_them() {
    let name = "names_of_tasks_are_text_whatever_is_in_them";
    child::run(name, || {
        let Some(mut browser) = Browser::start() else {
            return;
        };
        let wild = "<img src=x id=wild onerror=\"document.title='wild'\"></script><b id=wild>";
        let config = io2::ExecutorConfig::new()
            .name("<i id=wild>executor</i>")
            .dashboard("127.0.0.1:0");
        let ran = config.run(async move {
            let task = io2::Builder::new().name(wild).spawn(async {
                loop {
                    std::thread::sleep(Duration::from_millis(50));
                    io2::time::sleep(Duration::from_millis(200)).await;
                }
            });
            let url = io2::observe::dashboard_url().unwrap();
            let look = move || {
                let mut tab = browser.open(&url, 1440);
                let shown = format!("document.getElementById('tasks').innerText.includes({wild:?})");
                until(&mut tab, &shown);
                until(&mut tab, "[...document.querySelectorAll('#latest button')][0]?.click() || !!document.querySelector('#details dl')");
                assert_eq!(tab.run("document.querySelectorAll('#wild').length"), 0);
                assert_eq!(tab.run("document.title"), "io2 dashboard");
            };
            io2::spawn_blocking(look).await;
            task.cancel().await;
        });
        ran.unwrap();
    });
}
