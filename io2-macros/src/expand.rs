//! Tokens: the user's function with another body. What was wrong was reported before, and is left
//! out here or made harmless, so that each mistake gives one error and the rest of the file
//! compiles.
//!
//! The expansion names things by absolute paths only, has no local variable, and ends with one
//! expression, so that nothing in the user's scope can be taken for something of ours, and nothing
//! of ours can be seen by the user's code.

use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, FnArg, Lit, LitStr, Meta, MetaNameValue, ReturnType, Type, token};

use crate::args::{Args, Attr, Given, Kind, Value};
use crate::check;
use crate::item::Function;

/// The whole expansion, without the errors.
pub(crate) fn function(attr: Attr, args: &Args, mut function: Function) -> TokenStream {
    // The end of the body, for a message about the value that the function gives.
    let end = here(function.braces.span.close());
    let runtime = runtime(args, end);
    let entry = entry(attr, &function, end);
    let options = options(args, end);
    let future = future(args, &function);
    let skipped = skipped(attr, args, &function, end);
    let name = name(attr, &function, end);
    let lost = lost_parameters(attr, args, &mut function);
    let marker = marker(attr, &mut function);
    harmless(attr, &mut function);

    let Function {
        attrs,
        vis,
        sig,
        inner,
        braces,
        ..
    } = &function;
    let call = quote_spanned!(end=> #runtime::#entry(#options, #future #skipped #name));
    let block = block(braces, quote!(#(#inner)* #lost #call));
    quote!(#(#attrs)* #marker #vis #sig #block)
}

/// Names are looked up where the attribute stands, and messages point at `span`.
fn here(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// A block in the user's own braces.
pub(crate) fn block(braces: &token::Brace, tokens: TokenStream) -> Group {
    let mut block = Group::new(Delimiter::Brace, tokens);
    block.set_span(braces.span.join());
    block
}

/// The module of the hidden entry points, for messages that point at `span`.
fn runtime(args: &Args, span: Span) -> TokenStream {
    runtime_at(args.krate(), span)
}

/// The same for a path to the runtime, if there is one.
pub(crate) fn runtime_at(krate: Option<&syn::Path>, span: Span) -> TokenStream {
    let path = krate.map_or_else(|| quote!(::io2), ToTokens::to_token_stream);
    let located = path.into_iter().map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    let path: TokenStream = located.collect();
    quote_spanned!(span=> #path::__rt)
}

/// The entry point. A test that ought to panic has its own: a failure of the runtime must not
/// count as the panic that is waited for. (One that gives a value is refused by the compiler.)
fn entry(attr: Attr, function: &Function, span: Span) -> Ident {
    let name = match attr {
        Attr::Main => "main",
        Attr::Test if ought_to_panic(function) => "test_should_panic",
        Attr::Test => "test",
        Attr::Preemptible => unreachable!("it starts no executor"),
    };
    Ident::new(name, span)
}

/// For a test: its name, which its thread need not have.
fn name(attr: Attr, function: &Function, span: Span) -> Option<TokenStream> {
    let name = function.sig.ident.to_string();
    let name = name.strip_prefix("r#").unwrap_or(&name);
    (attr == Attr::Test)
        .then(|| quote_spanned!(span=> , ::core::concat!(::core::module_path!(), "::", #name)))
}

fn ought_to_panic(function: &Function) -> bool {
    gives_unit(&function.sig.output) && should_panic(function).is_some()
}

fn should_panic(function: &Function) -> Option<&syn::Attribute> {
    let mut attrs = function.attrs.iter();
    attrs.find(|attribute| attribute.path().is_ident("should_panic"))
}

/// The text of `#[should_panic = ".."]` and `#[should_panic(expected = "..")]`.
fn expected(attribute: &syn::Attribute) -> LitStr {
    let pair = match &attribute.meta {
        Meta::NameValue(pair) => Some(pair.clone()),
        Meta::List(list) => list.parse_args::<MetaNameValue>().ok(),
        Meta::Path(_) => None,
    };
    match pair.map(|pair| pair.value) {
        Some(Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        })) => text,
        _ => LitStr::new("", Span::call_site()),
    }
}

/// For a test: what it gives, or panics with, when it is skipped, if that can be said.
fn skipped(attr: Attr, args: &Args, function: &Function, span: Span) -> Option<TokenStream> {
    if attr == Attr::Main {
        return None;
    }
    if let (true, Some(attribute)) = (ought_to_panic(function), should_panic(function)) {
        let text = expected(attribute);
        return Some(quote_spanned!(span=> , #text));
    }
    let value = match &function.sig.output {
        output if gives_unit(output) => quote_spanned!(span=> ::core::option::Option::Some(())),
        ReturnType::Type(_, ty) if can_be_named(ty) => {
            let runtime = runtime(args, span);
            quote_spanned!(span=> #runtime::Skipped::<#ty>::new().value())
        }
        _ => quote_spanned!(span=> ::core::option::Option::None),
    };
    Some(quote_spanned!(span=> , || #value))
}

/// `Options::new()` and a setter for each argument that was given, in the table's order.
fn options(args: &Args, span: Span) -> TokenStream {
    let runtime = runtime(args, span);
    let setters = args.iter().filter_map(|given| {
        let value = value(args, given)?;
        let setter = Ident::new(given.argument.name, span);
        Some(quote_spanned!(span=> .#setter(#value)))
    });
    quote_spanned!(span=> #runtime::Options::new() #(#setters)*)
}

/// The value of an argument for its setter; none for what is no setting of the executor.
fn value(args: &Args, given: &Given) -> Option<TokenStream> {
    match &given.value {
        Value::Integer(value, span) => {
            let mut literal = Literal::u64_unsuffixed(*value);
            literal.set_span(*span);
            Some(literal.into_token_stream())
        }
        Value::Choice(choice, span) => {
            let (runtime, span) = (runtime(args, here(*span)), here(*span));
            let variant = Ident::new(choice.variant, span);
            Some(quote_spanned!(span=> #runtime::Preempt::#variant))
        }
        Value::Text(text) => Some(text.to_token_stream()),
        Value::Flag(flag) => Some(flag.to_token_stream()),
        Value::Const(expr) => Some(constant(given, expr)),
        Value::Path(_) => None,
    }
}

/// A constant expression, and an assertion that it is in range. Both point at the expression when
/// they fail to compile.
pub(crate) fn constant(given: &Given, expr: &syn::Expr) -> TokenStream {
    let argument = given.argument;
    let range = argument.range(Attr::Test);
    let message = format!("`{}` takes {range}", argument.name);
    // Items see each other, and so does the expression: the name is one that nobody uses.
    let name = Ident::new("__IO2_VALUE", Span::call_site());
    let span = here(expr.span());
    if matches!(argument.kind, Kind::Flag) {
        // Either value is right.
        return quote_spanned! {span=> {
            const #name: ::core::primitive::bool = #expr;
            #name
        }};
    }
    let (ty, right) = match &argument.kind {
        Kind::Integer {
            ty,
            min,
            max,
            power_of_two,
            ..
        } => {
            let (ty, min, max) = (Ident::new(ty, span), literal(*min), literal(*max));
            let power = power_of_two.then(|| quote_spanned!(span=> && #name.is_power_of_two()));
            let ty = quote_spanned!(span=> ::core::primitive::#ty);
            (
                ty,
                quote_spanned!(span=> ::core::matches!(#name, #min..=#max) #power),
            )
        }
        Kind::Text | Kind::Choice(_) | Kind::Flag | Kind::Path => {
            let ty = quote_spanned!(span=> &'static ::core::primitive::str);
            (ty, quote_spanned!(span=> !#name.is_empty()))
        }
    };
    quote_spanned! {span=> {
        const #name: #ty = #expr;
        const _: () = ::core::assert!(#right, #message);
        #name
    }}
}

fn literal(value: u64) -> Literal {
    Literal::u64_unsuffixed(value)
}

/// The user's body as a future.
///
/// The type of an async block is known only from its first `return` or its end, so a mistake there
/// would be reported as a mistake of the whole. A first `return`, never reached, states the type;
/// after it each `return` and the last expression are checked against it, where they stand.
fn future(args: &Args, function: &Function) -> TokenStream {
    let (braces, body) = (&function.braces, &function.body);
    let output = match &function.sig.output {
        ReturnType::Default => {
            let span = here(function.sig.ident.span());
            Some(quote_spanned!(span=> if false { return; }))
        }
        // The type of the function itself decides then.
        ReturnType::Type(_, ty) if !can_be_named(ty) => None,
        ReturnType::Type(_, ty) => {
            // From the first token of the type to the last.
            let (first, last) = ends(ty.to_token_stream());
            let runtime = runtime(args, first);
            let unreached = quote_spanned!(first=> return #runtime::unreached::<#ty>);
            let call = quote_spanned!(last=> ());
            Some(quote_spanned!(first=> if false { #unreached #call; }))
        }
    };
    // In a block of their own the user's items do not come after a statement. That its braces are
    // of the expansion keeps them from being found superfluous.
    let mut block = Group::new(Delimiter::Brace, body.clone());
    block.set_span(here(braces.span.join()));
    let span = here(braces.span.open());
    quote_spanned!(span=> async move { #output #block })
}

fn gives_unit(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    }
}

/// Where the first and the last token of a type are.
fn ends(ty: TokenStream) -> (Span, Span) {
    let mut spans = ty.into_iter().map(|token| here(token.span()));
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// Whether a return type can be written elsewhere, too: `!` and `impl Trait` cannot.
fn can_be_named(ty: &Type) -> bool {
    !is_never(ty) && !says_impl(ty.to_token_stream())
}

fn is_never(ty: &Type) -> bool {
    match ty {
        Type::Never(_) => true,
        Type::Group(group) => is_never(&group.elem),
        Type::Paren(paren) => is_never(&paren.elem),
        _ => false,
    }
}

/// Whether `impl` stands anywhere in a type.
fn says_impl(ty: TokenStream) -> bool {
    ty.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "impl",
        TokenTree::Group(group) => says_impl(group.stream()),
        _ => false,
    })
}

/// The attribute that makes a test. It comes last: what makes cases of a test looks for it below
/// itself. What was reported goes: another attribute that makes a test, or one that makes cases;
/// without its cases the function cannot be called as a test.
fn marker(attr: Attr, function: &mut Function) -> Option<TokenStream> {
    if attr != Attr::Test {
        return None;
    }
    function
        .attrs
        .retain(|attribute| !check::is_test(attribute));
    if !check::lost_cases(function) {
        return Some(quote!(#[::core::prelude::v1::test]));
    }
    function
        .attrs
        .retain(|attribute| !check::makes_cases(attribute));
    for parameter in &mut function.sig.inputs {
        let attrs = match parameter {
            FnArg::Receiver(receiver) => &mut receiver.attrs,
            FnArg::Typed(typed) => &mut typed.attrs,
        };
        attrs.retain(|attribute| !check::gives_a_case(attribute));
    }
    Some(quote!(#[allow(dead_code)]))
}

/// Takes the parameters off a `main`, which were reported, and gives their names to the body.
fn lost_parameters(attr: Attr, args: &Args, function: &mut Function) -> TokenStream {
    if attr != Attr::Main || !function.is_main() {
        return TokenStream::new();
    }
    let runtime = runtime(args, Span::call_site());
    let inputs = std::mem::take(&mut function.sig.inputs);
    let names = inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => {
            let (pat, ty) = (&typed.pat, &typed.ty);
            let ty = (!says_impl(ty.to_token_stream())).then(|| quote!(: #ty));
            Some(quote!(let #pat #ty = #runtime::unreached();))
        }
    });
    quote!(#(#names)*)
}

/// Takes off what was reported and would be an error of the compiler too, and `async`.
fn harmless(attr: Attr, function: &mut Function) {
    let is_main = attr == Attr::Main && function.is_main();
    let sig = &mut function.sig;
    sig.asyncness = None;
    sig.constness = None;
    sig.unsafety = None;
    sig.abi = None;
    sig.variadic = None;
    if is_main || attr == Attr::Test {
        sig.generics = syn::Generics::default();
    }
}
