//! What is warned of, and what is not.

use crate::args::Attr;

/// How many guards are warned of.
fn warnings(body: &str) -> usize {
    let item = format!("async fn f() {{ {body} }}");
    let tokens = crate::expand(
        Attr::Preemptible,
        proc_macro2::TokenStream::new(),
        item.parse().unwrap(),
    );
    let tokens = tokens.to_string();
    assert!(!tokens.contains("compile_error"), "{body}: {tokens}");
    tokens.matches("guard_held_over_yield").count()
}

fn each(bodies: &[&str], expected: usize) {
    for body in bodies {
        assert_eq!(warnings(body), expected, "{body}");
    }
}

#[test]
fn a_variable_that_is_a_guard_is_warned_of_once() {
    each(
        &[
            "let g = x.borrow(); loop {}",
            "let mut g = x.borrow_mut(); loop {} loop { loop {} }",
            "let _g: Guard = (x.y().lock()); loop {}",
            "let g = x.lock().unwrap(); if a { loop {} }",
            "let g = x.read().expect(\"not poisoned\"); match a { b => { while c {} } }",
            "let g = x.write()?; { for a in b {} }",
            "let g = x.lock().unwrap_or_else(PoisonError::into_inner); f(loop {});",
            "let Ok(g) = x.lock() else { return }; loop {}",
            "let Ok(g) = x.lock() else { loop {} }; loop {}",
            "let g = Some(x.borrow()); loop {}",
            "let g = Ref::map(x.borrow(), |x| &x.y); loop {}",
            "let (g, h) = (x.lock().unwrap(), 5); loop {}",
            "let g = if a { x.borrow() } else { return }; loop {}",
            "let g = { let y = x(); y.borrow() }; loop {}",
            "let y = &x.borrow().y; loop {}",
            "let y = &mut *x.borrow_mut(); loop {}",
            "let y = &x.lock().unwrap()[5]; loop {}",
        ],
        1,
    );
    each(
        &[
            "let (g, h) = (x.borrow(), y.borrow()); loop {}",
            "let g = x.borrow(); loop { let h = y.borrow(); loop {} }",
            "let g = if a { x.borrow() } else { y.borrow() }; loop {}",
        ],
        2,
    );
}

#[test]
fn what_is_taken_out_of_a_guard_is_not_warned_of() {
    each(
        &[
            "let n = x.borrow().len(); loop {}",
            "let n = *x.borrow(); loop {}",
            "let n = x.lock().unwrap().clone(); loop {}",
            "let n = x.borrow().field; loop {}",
            "let n = (x.borrow().len(), 5); loop {}",
            "let n = f(&x.borrow()); loop {}",
            "let _ = x.borrow_mut(); loop {}",
            "x.borrow_mut().push(5); loop {}",
            "f(x.borrow_mut()); loop {}",
            "let f = || x.borrow(); loop {}",
            "let f = async { x.lock() }; loop {}",
        ],
        0,
    );
}

#[test]
fn what_is_awaited_or_has_arguments_is_no_guard() {
    each(
        &[
            "let g = x.lock().await; loop {}",
            "let g = x.read().await.unwrap(); loop {}",
            "let n = x.read(buf); loop {}",
            "let n = x.write(buf).unwrap(); loop {}",
            "while let Some(a) = x.lock().await.pop() {}",
            "while let Ok(a) = x.read().await {}",
            "for a in x.read(5) {}",
            "match x.write(buf) { a => loop {} }",
            "let g = x.locked(); loop {}",
        ],
        0,
    );
}

#[test]
fn a_guard_that_is_gone_is_not_warned_of() {
    each(
        &[
            "let g = x.borrow(); drop(g); loop {}",
            "let g = x.borrow(); std::mem::drop(g); loop {}",
            "let g = x.borrow(); let h = g; drop(h); loop {}",
            "let Ok(g) = x.lock() else { return }; drop(g); loop {}",
            "{ let g = x.borrow(); } loop {}",
            "let g = x.borrow(); if a { drop(g) } else { drop(g) } loop {}",
            "let g = x.borrow(); match a { b => drop(g), c => drop(g) } loop {}",
            "let g = x.borrow(); if a { drop(g); loop {} }",
            "match x.lock() { Ok(g) => { drop(g); loop {} } Err(e) => {} }",
            "if let Ok(g) = x.lock() { drop(g); loop {} }",
            "if a { let g = x.borrow(); } loop {}",
            "loop { let g = x.borrow(); }",
            "loop {} let g = x.borrow();",
            "let g = x.borrow(); send(g); loop {}",
        ],
        0,
    );
}

#[test]
fn a_guard_that_may_be_there_is_warned_of() {
    each(
        &[
            "let g = x.borrow(); if a { drop(g) } loop {}",
            "let g = x.borrow(); match a { b => drop(g), c => {} } loop {}",
            "let g = x.borrow(); let f = || drop(g); loop {}",
            "let g = x.borrow(); let g = 5; drop(g); loop {}",
            "let g = x.borrow(); if let Some(g) = a { drop(g); } loop {}",
            "let g = x.borrow(); loop { drop(g); break }",
            "let g = x.borrow(); drop(&g); loop {}",
            "let g = x.borrow(); let h = g; drop(a); loop {}",
            "let mut g = x.borrow(); drop(g); g = y.borrow(); loop {}",
        ],
        1,
    );
}

#[test]
fn what_a_head_holds_is_warned_of() {
    each(
        &[
            "for a in x.borrow().iter() {}",
            "for a in 0..x.borrow().len() {}",
            "for a in std::mem::take(&mut *x.lock().unwrap()) {}",
            "for a in f(&x.borrow(), 5) {}",
            "for a in y.iter().zip(x.borrow().iter()) {}",
            "while let Some(a) = x.borrow_mut().pop() {}",
            "while b && let Some(a) = x.lock().unwrap().pop() && c {}",
            "if let Some(a) = x.borrow().first() { loop {} }",
            "if let Ok(g) = x.lock() { loop {} }",
            "match x.borrow().kind { a => loop {}, b => {} }",
            "match x.lock() { Ok(g) => {} Err(e) => loop {} }",
            "#[io2::no_yield] for a in x.borrow().iter() { loop {} }",
            "for a in x.borrow().iter() { loop {} }",
        ],
        1,
    );
}

#[test]
fn what_a_head_lets_go_is_not_warned_of() {
    each(
        &[
            "while x.borrow().is_empty() {}",
            "while x.borrow().is_empty() && let Some(a) = y {}",
            "if x.borrow().is_empty() { loop {} }",
            "for a in { x.borrow().clone() } {}",
            "for a in f(x.lock().unwrap()) {}",
            "for a in y.map(|y| y.borrow().len()) {}",
            "#[io2::no_yield] for a in x.borrow().iter() {}",
            "#[io2::no_yield] while let Some(a) = x.borrow_mut().pop() {} loop {}",
            "if let Some(a) = x.borrow().first() { f(a) } loop {}",
            "match x.borrow().kind { a => {} } loop {}",
        ],
        0,
    );
}
