//! The order of the modules: `ARCHITECTURE.md` lists them in floors, and the sources keep to it.

use std::fs;
use std::path::{Path, PathBuf};

/// Each needs the other: an operation holds its descriptor open, and a descriptor is closed by an operation.
const PAIR: [&str; 2] = ["op", "fd"];

#[test]
fn a_module_uses_only_what_stands_below_it_or_further_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let order = order(&text);
    let place = |module: &str| order.iter().position(|each| each == module);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (module, files) in modules(&root.join("io2/src")) {
        let Some(here) = place(&module) else {
            wrong.push(format!("`{module}` is not in the table of floors"));
            continue;
        };
        for file in files {
            let code = code(&fs::read_to_string(&file).unwrap());
            for used in names(&code) {
                if used == module || PAIR.contains(&&*module) && PAIR.contains(&used) {
                    continue;
                }
                seen += 1;
                match place(used) {
                    Some(there) if there > here => {}
                    Some(_) => wrong.push(format!("{} uses `{used}`", file.display())),
                    None => wrong.push(format!(
                        "{} uses `crate::{used}`, which is no module: name the one that it is in",
                        file.display()
                    )),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        seen > 300,
        "only {seen} uses were found: the search is broken"
    );
}

/// The modules in the table of floors, from the top down and from left to right.
fn order(text: &str) -> Vec<String> {
    let rows = text.lines().filter(|line| {
        let number = line
            .strip_prefix("| ")
            .and_then(|rest| rest.split(' ').next());
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    });
    let quoted = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    quoted
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect()
}

/// Each module of the crate and its files, but for those of tests.
fn modules(src: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let mut modules: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut files = Vec::new();
        collect(&path, &mut files);
        // `slab.rs` and `slab/` are one.
        match modules.iter_mut().find(|(module, _)| *module == name) {
            Some((_, known)) => known.extend(files),
            None => modules.push((name, files)),
        }
    }
    modules
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let name = path.to_string_lossy();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files);
        }
    } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
        files.push(path.to_owned());
    }
}

/// A file without its comments, and without the unit tests at its end.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_test = line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
        if is_test
            && lines
                .peek()
                .is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'))
        {
            break;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// The modules that are named by `crate::`, alone or in braces.
fn names(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut is_first = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_first = true,
                c if is_first && !c.is_whitespace() => {
                    found.push(word(&group[at..]));
                    is_first = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// The word at the beginning.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn uses_are_found_alone_and_in_braces_and_not_in_comments_and_tests() {
    let text = "
use crate::clock::{self, Ticks}; // crate::net
use crate::{\n    sys,\n    task::{A, B},\n    page,\n};
fn f() { crate::lock::lock(&X) }
#[cfg(test)]
mod tests {
    use crate::fs;
}
";
    let code = code(text);
    assert_eq!(names(&code), ["clock", "sys", "task", "page", "lock"]);
}
