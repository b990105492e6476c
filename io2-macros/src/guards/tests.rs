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

#[test]
fn a_branch_that_leaves_does_not_count_for_what_follows() {
    each(
        &[
            "let g = x.borrow(); if a { drop(g) } else { return } loop {}",
            "let g = x.borrow(); if a { return 5; } else { drop(g) } loop {}",
            "let g = x.borrow(); if a { drop(g) } else if b { drop(g) } else { return } loop {}",
            "let g = x.borrow(); if a { drop(g) } else { panic!() } loop {}",
            "let g = x.borrow(); if a { drop(g) } else { std::unreachable!(\"{a}\"); } loop {}",
            "let g = x.borrow(); match a { b => drop(g), c => todo!(), d => unimplemented!() } loop {}",
            "let g = x.borrow(); match a { b => drop(g), c => { if d { return } else { bail!(e) } } } loop {}",
            "loop { let g = x.borrow(); if a { drop(g) } else { break } loop {} }",
            "loop { let g = x.borrow(); match a { b => drop(g), c => continue } loop {} }",
            "let g = x.borrow(); let b = match a { b => b, c => return }; drop(g); loop {}",
            "let g = x.borrow(); #[io2::no_yield] loop { if a { drop(g); break } else { return } } \
             drop(g); loop {}",
            "let g = x.borrow(); 'a: { if b { drop(g); break 'a } drop(g) } loop {}",
        ],
        0,
    );
}

#[test]
fn a_guard_that_leaves_with_a_branch_is_warned_of_where_that_leads() {
    each(
        &[
            "let g = x.borrow(); if a { return } loop {}",
            "let g = x.borrow(); if a { drop(g); return } loop {}",
            "let g = x.borrow(); if a { drop(g) } else { f(|| return) } loop {}",
            "let g = x.borrow(); if a { drop(g) } else { f(async { return }) } loop {}",
            "let g = x.borrow(); if a { drop(g) } else { println!() } loop {}",
            "let g = x.borrow(); if a { drop(g) } else { b || return; } loop {}",
            "let g = x.borrow(); if a { drop(g) } else { if b && (return) {} } loop {}",
            "let g = x.borrow(); let Some(a) = b else { return }; loop {}",
            "let g = x.borrow(); 'a: { if b { break 'a } drop(g) } loop {}",
            "let mut g = x.borrow(); drop(g); #[io2::no_yield] loop { g = y.borrow(); break } loop {}",
            "let mut g = x.borrow(); drop(g); #[io2::no_yield] while a { g = y.borrow(); continue } \
             loop {}",
            "let mut g = x.borrow(); drop(g); #[io2::no_yield] 'a: loop { #[io2::no_yield] loop { \
             g = y.borrow(); break 'a } } loop {}",
            "let mut g = x.borrow(); drop(g); #[io2::no_yield] loop { 'a: { g = y.borrow(); break } } \
             loop {}",
        ],
        1,
    );
}

#[test]
fn a_guard_that_was_tried_for_is_warned_of() {
    each(
        &[
            "if let Ok(mut v) = x.try_borrow_mut() { for a in v.iter_mut() {} }",
            "if let Ok(v) = x.try_borrow() { loop {} }",
            "if let Ok(g) = x.try_lock() { loop {} }",
            "let Some(g) = x.try_lock() else { return }; loop {}",
            "let g = x.try_read().unwrap(); loop {}",
            "let g = x.try_write().ok()?; loop {}",
            "while let Ok(g) = x.try_write() {}",
            "match x.try_lock() { Some(g) => loop {}, None => {} }",
            "if let Some(a) = x.try_borrow().unwrap().first() { loop {} }",
        ],
        1,
    );
}

#[test]
fn what_was_tried_for_in_vain_is_not_warned_of() {
    each(
        &[
            "if let Ok(g) = x.try_lock() {} else { loop {} }",
            "match x.try_lock() { Some(g) => {} None => loop {} }",
            "match x.try_borrow_mut() { Ok(g) => {} Err(_) => loop {} }",
            "match x.try_lock() { Some(g) => drop(g), None => return } loop {}",
            "if x.try_lock().is_ok() { loop {} }",
            "if let Ok(n) = x.try_borrow().map(|v| v.len()) { loop {} }",
            "let n = x.try_read(buf); loop {}",
            "let g = x.try_lock().await; loop {}",
        ],
        0,
    );
}
