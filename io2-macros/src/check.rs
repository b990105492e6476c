//! The rules, a function each, with the input that breaks it shown above it. Errors are collected,
//! so that all that is wrong is reported at once.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::parse::ParseStream;
use syn::{Expr, FnArg, GenericParam, Lit, LitInt, LitStr};

use crate::args::{ARGUMENTS, Argument, Attr, Choice, FOREIGN, Given, Kind, Value, names};
use crate::item::Function;
use crate::nearest::nearest;

/// The errors found so far.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// An error that points at one place.
    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.add(syn::Error::new(span, message));
    }

    /// An error that points at all of `tokens`.
    pub(crate) fn on(&mut self, tokens: impl quote::ToTokens, message: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0
            .map_or_else(TokenStream::new, syn::Error::into_compile_error)
    }
}

// ---- Arguments ----

/// `ringdepth = 256`, `worker_threads = 4`, or on main `timeout_ms = 5`.
pub(crate) fn known(attr: Attr, key: &Ident, errors: &mut Errors) -> Option<&'static Argument> {
    let name = key.to_string();
    if let Some(argument) = Argument::find(&name) {
        if argument.on(attr) {
            return Some(argument);
        }
        errors.at(
            key.span(),
            format!("`{name}` is an argument of {} only", argument.takers()),
        );
        return None;
    }
    let hint = if let Some((_, why)) = FOREIGN.iter().find(|(names, _)| names.contains(&&*name)) {
        format!("{why}; leave it out")
    } else if let Some(near) = meant(attr, &name) {
        format!("did you mean `{}`?", near.name)
    } else {
        format!("{} takes {}", attr.name(), names(attr))
    };
    errors.at(key.span(), format!("unknown argument `{name}`: {hint}"));
    None
}

/// The argument of `attr` that `name` is another word for, or is spelled nearly like.
fn meant(attr: Attr, name: &str) -> Option<&'static Argument> {
    let ours = || ARGUMENTS.iter().filter(|argument| argument.on(attr));
    ours()
        .find(|argument| argument.synonyms.contains(&name))
        .or_else(|| nearest(name, ours().map(|argument| (argument.name, argument))))
}

/// `ring_depth = 64, ring_depth = 128`: an error at each of the two; the first one counts.
pub(crate) fn repeated(given: &mut Vec<Given>, errors: &mut Errors) {
    let mut kept: Vec<Given> = Vec::new();
    for one in given.drain(..) {
        let name = one.argument.name;
        match kept.iter().find(|earlier| earlier.argument.name == name) {
            Some(first) => {
                errors.at(
                    first.key.span(),
                    format!("`{name}` is set more than once: first here"),
                );
                errors.at(
                    one.key.span(),
                    format!("`{name}` is set more than once: again here"),
                );
            }
            None => kept.push(one),
        }
    }
    *given = kept;
}

/// `preempt_ms = 5, preempt_us = 500`.
pub(crate) fn instead(given: &mut Vec<Given>, errors: &mut Errors) {
    let mut kept: Vec<Given> = Vec::new();
    for one in given.drain(..) {
        let name = one.argument.name;
        let other = kept
            .iter()
            .find(|earlier| earlier.argument.instead_of == Some(name));
        if let Some(other) = other {
            let other = other.argument.name;
            let message = format!("`{other}` and `{name}` say the same thing: give one of them");
            errors.at(one.key.span(), message);
        } else {
            kept.push(one);
        }
    }
    *given = kept;
}

/// A value of any kind but a path.
pub(crate) fn value(
    attr: Attr,
    argument: &'static Argument,
    expr: Expr,
    errors: &mut Errors,
) -> Option<Value> {
    let expr = bare(expr);
    match &argument.kind {
        Kind::Integer { .. } => integer(attr, argument, expr, errors),
        Kind::Choice(choices) => choice(attr, argument, choices, &expr, errors),
        Kind::Text => text(argument, expr, errors),
        Kind::Flag => flag(argument, expr, errors),
        Kind::Path => unreachable!("a path is parsed as one"),
    }
}

/// Takes off the parentheses, and the invisible group that a `$value:expr` of a macro comes in.
fn bare(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => bare(*group.expr),
        Expr::Paren(paren) => bare(*paren.expr),
        other => other,
    }
}

/// `ring_depth = "256"`, `= 1.5`, `= -1`; a constant expression is left to the compiler.
fn integer(
    attr: Attr,
    argument: &'static Argument,
    expr: Expr,
    errors: &mut Errors,
) -> Option<Value> {
    let name = argument.name;
    let range = argument.range(attr);
    match &expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(int) => return literal_integer(attr, argument, int, errors),
            Lit::Str(text) if text.value().parse::<u64>().is_ok() => {
                let message = format!("`{name}` takes {range}: write it without the quotes");
                errors.on(&expr, message);
            }
            _ => errors.on(&expr, format!("`{name}` takes {range}")),
        },
        Expr::Unary(unary) if matches!(*unary.expr, Expr::Lit(_)) => {
            errors.on(&expr, format!("`{name}` takes {range}"));
        }
        _ => return Some(Value::Const(Box::new(expr))),
    }
    None
}

/// `ring_depth = 256u8`, `= 0`, `= 65536`, `= 300`.
fn literal_integer(
    attr: Attr,
    argument: &'static Argument,
    int: &LitInt,
    errors: &mut Errors,
) -> Option<Value> {
    let name = argument.name;
    let Kind::Integer {
        min,
        max,
        power_of_two,
        zero,
        ..
    } = argument.kind
    else {
        unreachable!("only integers come here");
    };
    if !int.suffix().is_empty() {
        let message = format!(
            "write `{name} = {}`, without `{}`",
            digits(int),
            int.suffix()
        );
        errors.on(int, message);
        return None;
    }
    // What does not even fit is out of range, too.
    let value = int.base10_parse::<u64>().unwrap_or(u64::MAX);
    if value == 0 && min > 0 {
        let range = argument.range(attr);
        errors.on(int, format!("`{name}` takes {range}: {zero}"));
        return None;
    }
    if !(min..=max).contains(&value) {
        errors.on(int, format!("`{name}` takes {}", argument.range(attr)));
        return None;
    }
    if power_of_two && !value.is_power_of_two() {
        let above = value.next_power_of_two();
        let message = format!(
            "`{name}` takes a power of two: {} or {above}, not {value}",
            above / 2
        );
        errors.on(int, message);
        return None;
    }
    Some(Value::Integer(value, int.span()))
}

/// The literal as it was written, less its suffix.
fn digits(int: &LitInt) -> String {
    let written = int.token().to_string();
    written
        .strip_suffix(int.suffix())
        .unwrap_or(&written)
        .to_owned()
}

/// `preempt = true`, `= "of"`, or on main `= "fail"`.
fn choice(
    attr: Attr,
    argument: &'static Argument,
    choices: &'static [Choice],
    expr: &Expr,
    errors: &mut Errors,
) -> Option<Value> {
    let name = argument.name;
    let range = argument.range(attr);
    let Expr::Lit(syn::ExprLit {
        lit: Lit::Str(text),
        ..
    }) = expr
    else {
        errors.on(expr, format!("`{name}` takes {range}, in quotes"));
        return None;
    };
    let word = text.value();
    match choices.iter().find(|choice| choice.word == word) {
        Some(choice) if choice.test_only && attr != Attr::Test => {
            let only = Attr::Test.name();
            errors.on(
                text,
                format!("`{name} = {word:?}` is for {only} only: here it takes {range}"),
            );
        }
        Some(choice) => return Some(Value::Choice(choice, text.span())),
        None => errors.on(text, format!("`{name}` takes {range}")),
    }
    None
}

/// `name = 5`, `name = ""`; a constant expression is left to the compiler.
fn flag(argument: &'static Argument, expr: Expr, errors: &mut Errors) -> Option<Value> {
    match expr {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Bool(flag),
            ..
        }) => Some(Value::Flag(flag)),
        Expr::Lit(_) | Expr::Unary(_) => {
            let name = argument.name;
            errors.on(&expr, format!("`{name}` takes `true` or `false`"));
            None
        }
        _ => Some(Value::Const(Box::new(expr))),
    }
}

fn text(argument: &'static Argument, expr: Expr, errors: &mut Errors) -> Option<Value> {
    let name = argument.name;
    match expr {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Str(text),
            ..
        }) if !text.value().is_empty() && text.suffix().is_empty() => {
            return Some(Value::Text(text));
        }
        Expr::Lit(_) | Expr::Unary(_) => {
            errors.on(&expr, format!("`{name}` takes a string that is not empty"));
        }
        _ => return Some(Value::Const(Box::new(expr))),
    }
    None
}

/// `crate = "renamed"`, `crate = 5`.
pub(crate) fn path(
    argument: &'static Argument,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> Option<Value> {
    let (name, example) = (argument.name, argument.example);
    if input.peek(LitStr) {
        let text: LitStr = input.parse().ok()?;
        match text.parse_with(syn::Path::parse_mod_style) {
            Ok(path) => {
                let path = path.to_token_stream().to_string().replace(' ', "");
                errors.on(
                    text,
                    format!("write `{name} = {path}`, a path without quotes"),
                );
            }
            Err(_) => errors.on(text, format!("`{name}` takes a path: `{example}`")),
        }
        return None;
    }
    let span = input.span();
    match input.call(syn::Path::parse_mod_style) {
        Ok(path) => return Some(Value::Path(path)),
        Err(_) => errors.at(span, format!("`{name}` takes a path: `{example}`")),
    }
    // What stood there is reported already; the caller goes on at the next comma.
    while !input.is_empty() && !input.peek(syn::Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
    None
}

// ---- The function ----

/// `#[io2::main] struct Main;`.
pub(crate) fn not_a_function(
    attr: Attr,
    item: &TokenStream,
    error: syn::Error,
    errors: &mut Errors,
) {
    let says_fn = item
        .clone()
        .into_iter()
        .any(|token| matches!(token, TokenTree::Ident(ident) if ident == "fn"));
    if says_fn {
        errors.add(error);
    } else {
        let name = attr.name();
        errors.at(error.span(), format!("{name} goes on an `async fn`"));
    }
}

/// All rules about the function that the attribute stands on.
pub(crate) fn function(attr: Attr, function: &Function, errors: &mut Errors) {
    has_body(function, errors);
    is_async(attr, function, errors);
    if attr == Attr::Preemptible {
        return;
    }
    plain(attr, function, errors);
    no_generics(attr, function, errors);
    main_without_parameters(attr, function, errors);
    if attr == Attr::Test {
        one_test_attribute(function, errors);
        cases_above(function, errors);
    }
}

/// `async fn main();`.
fn has_body(function: &Function, errors: &mut Errors) {
    if let Some(semicolon) = &function.semicolon {
        errors.on(semicolon, "the function needs a body");
    }
}

/// `fn main() {}`.
fn is_async(attr: Attr, function: &Function, errors: &mut Errors) {
    let sig = &function.sig;
    if sig.asyncness.is_some() {
        return;
    }
    let gives_future = sig.output.to_token_stream().into_iter().any(
        |token| matches!(token, TokenTree::Ident(ident) if ident == "impl" || ident == "Future"),
    );
    let message = if attr != Attr::Preemptible {
        "the function must be `async`: write `async fn`"
    } else if sig.constness.is_some() {
        "a `const fn` cannot yield: #[io2::preemptible] goes on an `async fn`"
    } else if function.body.to_string().contains("__rt") {
        "the attribute above took the `async` away: write #[io2::preemptible] above it"
    } else if gives_future {
        "the function must be `async`: #[io2::preemptible] does not look into `async` blocks, so \
         write `async fn`, which gives a future as well"
    } else {
        "the function must be `async`: only an `async fn` can yield"
    };
    errors.at(sig.fn_token.span, message);
}

/// `const async fn main() {}`, `async unsafe fn main() {}`, `async extern "C" fn main() {}`.
fn plain(attr: Attr, function: &Function, errors: &mut Errors) {
    let name = attr.name();
    if let Some(token) = &function.sig.constness {
        errors.on(
            token,
            format!("a function with {name} starts an executor: it cannot be `const`"),
        );
    }
    if let Some(token) = &function.sig.unsafety {
        errors.on(
            token,
            format!("a function with {name} is called by safe code: it cannot be `unsafe`"),
        );
    }
    if let Some(token) = &function.sig.abi {
        errors.on(
            token,
            format!("a function with {name} has the Rust ABI: it cannot be `extern`"),
        );
    }
    if let Some(token) = &function.sig.variadic {
        errors.on(token, format!("a function with {name} cannot be variadic"));
    }
}

/// `async fn main<T>() {}`. Lifetimes are none of our business: parameters may have some.
fn no_generics(attr: Attr, function: &Function, errors: &mut Errors) {
    for parameter in &function.sig.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            errors.on(
                parameter,
                format!("a function with {} cannot be generic", attr.name()),
            );
        }
    }
}

/// `async fn main(arguments: Vec<String>) {}`.
fn main_without_parameters(attr: Attr, function: &Function, errors: &mut Errors) {
    if attr == Attr::Main && function.is_main() && !function.sig.inputs.is_empty() {
        let message = "`main` has no parameters: `std::env::args` gives the program's arguments";
        errors.on(&function.sig.inputs, message);
    }
}

/// `#[io2::test] #[test] async fn works() {}`, and the same with `#[tokio::test]`,
/// `#[core::prelude::v1::test]` and so on: the test would run twice.
fn one_test_attribute(function: &Function, errors: &mut Errors) {
    for attribute in function.attrs.iter().filter(|attribute| is_test(attribute)) {
        let message = "`#[io2::test]` makes the function a test already: remove this attribute";
        errors.on(attribute, message);
    }
}

/// Whether an attribute makes a test.
pub(crate) fn is_test(attribute: &syn::Attribute) -> bool {
    attribute
        .path()
        .segments
        .last()
        .is_some_and(|last| last.ident == "test")
}

/// `#[io2::test] #[rstest] #[case(1)] async fn works(#[case] n: u8) {}`: the macro that makes the
/// cases must come first, since it copies the attributes that are below it to each case.
fn cases_above(function: &Function, errors: &mut Errors) {
    if let Some(attribute) = case_attributes(function).next() {
        let path = attribute
            .path()
            .to_token_stream()
            .to_string()
            .replace(' ', "");
        let message = format!(
            "`#[{path}]` is below `#[io2::test]`, where it loses cases: what makes cases goes \
             above, and `#[io2::test]` last"
        );
        errors.on(attribute, message);
    }
}

/// Whether there are cases that should have been made before.
pub(crate) fn lost_cases(function: &Function) -> bool {
    case_attributes(function).next().is_some()
}

fn case_attributes(function: &Function) -> impl Iterator<Item = &syn::Attribute> {
    let on_function = function
        .attrs
        .iter()
        .filter(|attribute| makes_cases(attribute));
    let on_parameters = function.sig.inputs.iter().flat_map(parameter_attributes);
    on_function.chain(on_parameters.filter(|attribute| gives_a_case(attribute)))
}

/// Whether an attribute of a function makes cases of a test, or is one.
pub(crate) fn makes_cases(attribute: &syn::Attribute) -> bool {
    is_one_of(
        attribute,
        &[
            "rstest",
            "case",
            "test_case",
            "test_matrix",
            "parameterized",
        ],
    )
}

/// Whether an attribute of a parameter says where a case gets its value.
pub(crate) fn gives_a_case(attribute: &syn::Attribute) -> bool {
    is_one_of(
        attribute,
        &["case", "values", "files", "future", "with", "from"],
    )
}

fn is_one_of(attribute: &syn::Attribute, names: &[&str]) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|last| names.iter().any(|name| last.ident == name))
}

fn parameter_attributes(parameter: &FnArg) -> &[syn::Attribute] {
    match parameter {
        FnArg::Receiver(receiver) => &receiver.attrs,
        FnArg::Typed(typed) => &typed.attrs,
    }
}
