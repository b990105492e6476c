//! Guards that are alive where a loop yields: what `#[io2::preemptible]` warns of.
//!
//! Only names tell here, since a macro sees no types. A call without arguments of one of [`NAMES`]
//! or [`TRIED`] makes a guard, unless it is awaited: the guard of an asynchronous lock is made for being held
//! over awaits. What is followed is the text, from top to bottom.

use proc_macro2::{Ident, Span};
use syn::{Block, Expr, ExprCall, ExprMethodCall, Pat, Stmt};

/// Methods that give a guard.
const NAMES: &[&str] = &["borrow", "borrow_mut", "lock", "read", "write"];

/// Methods that give a guard if there is one to be had at once.
const TRIED: &[&str] = &[
    "try_borrow",
    "try_borrow_mut",
    "try_lock",
    "try_read",
    "try_write",
];

/// Methods that give the guard out of a result.
const PEELED: &[&str] = &["unwrap", "expect", "unwrap_or_else", "ok", "map_err"];

/// One variable, or one value without a name that lives until the end of a block.
struct Binding {
    name: Option<Ident>,
    /// The calls that made the guards in it: none in most variables.
    guards: Vec<Span>,
    /// The binding that goes when this one is moved.
    part_of: Option<usize>,
    alive: bool,
    told: bool,
}

/// What is in scope, outermost first.
#[derive(Default)]
pub(crate) struct Guards(Vec<Binding>);

/// How many bindings there were where a block began.
#[must_use]
pub(crate) struct Scope(usize);

/// Which bindings were alive at some point.
#[must_use]
pub(crate) struct Alive(Vec<bool>);

impl Alive {
    /// Of a point that nothing has led to yet.
    pub(crate) fn unreached(scope: &Scope) -> Alive {
        Alive(vec![false; scope.0])
    }
}

impl Guards {
    pub(crate) fn enter(&self) -> Scope {
        Scope(self.0.len())
    }

    pub(crate) fn leave(&mut self, scope: &Scope) {
        self.0.truncate(scope.0);
    }

    pub(crate) fn alive(&self) -> Alive {
        Alive(self.0.iter().map(|binding| binding.alive).collect())
    }

    /// Back to where a branch began.
    pub(crate) fn rewind(&mut self, to: &Alive) {
        for (binding, &alive) in self.0.iter_mut().zip(&to.0) {
            binding.alive = alive;
        }
    }

    /// Two branches meet: what is alive after one of them may be alive.
    pub(crate) fn join(&mut self, other: &Alive) {
        for (binding, &alive) in self.0.iter_mut().zip(&other.0) {
            binding.alive |= alive;
        }
    }

    /// The text does not go on here, but perhaps there: what is alive may be alive there.
    pub(crate) fn go(&mut self, to: Option<&mut Alive>) {
        for (there, binding) in to.into_iter().flat_map(|to| &mut to.0).zip(&self.0) {
            *there |= binding.alive;
        }
        for binding in &mut self.0 {
            binding.alive = false;
        }
    }

    /// The calls whose guards are alive here, each once.
    pub(crate) fn tell(&mut self) -> Vec<Span> {
        let mut told = Vec::new();
        for binding in &mut self.0 {
            if binding.alive && !binding.told {
                told.append(&mut binding.guards.clone());
                binding.told = true;
            }
        }
        told
    }

    fn push(&mut self, name: Option<Ident>, guards: Vec<Span>, part_of: Option<usize>) {
        self.0.push(Binding {
            name,
            alive: !guards.is_empty(),
            guards,
            part_of,
            told: false,
        });
    }

    /// `let pat = value;`
    pub(crate) fn bind_let(&mut self, pat: &Pat, value: &Expr) {
        let (pat, value) = (bare_pat(pat), bare(value));
        if let (Pat::Tuple(pats), Expr::Tuple(values)) = (pat, value)
            && pats.elems.len() == values.elems.len()
        {
            for (pat, value) in pats.elems.iter().zip(&values.elems) {
                self.bind_let(pat, value);
            }
            return;
        }
        let mut held = Vec::new();
        self.value(value, &mut held);
        let mut extended = Vec::new();
        self.extended(value, &mut extended);
        // `let _ = value;` drops the value at once, but not what is borrowed.
        if matches!(pat, Pat::Wild(_)) {
            held.clear();
        }
        if !extended.is_empty() {
            self.push(None, extended, None);
        }
        self.bind_pat(pat, held);
    }

    /// The variables of a pattern without a value of ours: they hide others of their name.
    pub(crate) fn bind(&mut self, pat: &Pat) {
        self.bind_pat(pat, Vec::new());
    }

    /// The variables of a pattern that takes apart a value with these guards.
    fn bind_pat(&mut self, pat: &Pat, guards: Vec<Span>) {
        if let Pat::Ident(ident) = pat
            && ident.subpat.is_none()
        {
            self.push(Some(ident.ident.clone()), guards, None);
            return;
        }
        let mut whole = None;
        if !guards.is_empty() {
            whole = Some(self.0.len());
            self.push(None, guards, None);
        }
        self.bind_parts(pat, whole);
    }

    fn bind_parts(&mut self, pat: &Pat, whole: Option<usize>) {
        let mut names = Vec::new();
        variables(pat, &mut names);
        for name in names {
            self.push(Some(name), Vec::new(), whole);
        }
    }

    /// `match value {`, `if let .. = value {` and the like: what of it lives until the end. What is
    /// given back names the guard that the value itself is, for [`Guards::bind_arm`].
    pub(crate) fn bind_head(&mut self, value: &Expr) -> Option<usize> {
        let mut held = Vec::new();
        if !matches!(bare(value), Expr::Path(_)) {
            self.value(value, &mut held);
        }
        if !held.is_empty() {
            self.push(None, held, None);
            return Some(self.0.len() - 1);
        }
        temporaries(value, &mut held);
        if !held.is_empty() {
            self.push(None, held, None);
        }
        None
    }

    /// The pattern that the head's value is matched with.
    pub(crate) fn bind_arm(&mut self, pat: &Pat, value: &Expr, head: Option<usize>) {
        if let Some(at) = head
            && in_vain(pat)
            && matches!(bare(value), Expr::MethodCall(call) if is_one_of(TRIED, call))
        {
            self.end(at);
        }
        self.bind_parts(pat, head);
    }

    /// `f(guard)` moves the guard, `drop` above all.
    pub(crate) fn moved<'a>(&mut self, arguments: impl IntoIterator<Item = &'a Expr>) {
        for argument in arguments {
            if let Some(at) = self.named(argument) {
                self.end(at);
            }
        }
    }

    /// `guard = value;` fills the variable anew.
    pub(crate) fn assigned(&mut self, to: &Expr, value: &Expr) {
        let mut held = Vec::new();
        self.value(value, &mut held);
        if let (Some(at), false) = (self.named(to), held.is_empty()) {
            let binding = &mut self.0[at];
            binding.guards = held;
            binding.alive = true;
            binding.told = false;
        }
    }

    fn end(&mut self, at: usize) {
        self.0[at].alive = false;
        if let Some(whole) = self.0[at].part_of {
            self.0[whole].alive = false;
        }
    }

    /// The variable that an expression is.
    fn named(&self, expr: &Expr) -> Option<usize> {
        let Expr::Path(path) = bare(expr) else {
            return None;
        };
        let name = path.path.get_ident()?;
        self.0
            .iter()
            .rposition(|binding| binding.name.as_ref() == Some(name))
    }

    /// The guards that an expression's value is, or holds. Variables that it moves go.
    fn value(&mut self, expr: &Expr, held: &mut Vec<Span>) {
        match bare(expr) {
            Expr::Path(_) => {
                if let Some(at) = self.named(expr) {
                    let source = self.0[at].part_of.unwrap_or(at);
                    if self.0[source].alive {
                        held.append(&mut self.0[source].guards.clone());
                    }
                    self.end(at);
                }
            }
            Expr::MethodCall(call) => match guard(call) {
                Some(span) => held.push(span),
                None if PEELED.iter().any(|name| call.method == name) => {
                    self.value(&call.receiver, held);
                }
                None => {}
            },
            Expr::Call(call) if keeps(call) => {
                for argument in &call.args {
                    self.value(argument, held);
                }
            }
            Expr::Try(inner) => self.value(&inner.expr, held),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|elem| self.value(elem, held)),
            Expr::Array(array) => array.elems.iter().for_each(|elem| self.value(elem, held)),
            Expr::Struct(new) => {
                for field in &new.fields {
                    self.value(&field.expr, held);
                }
            }
            Expr::Block(block) => self.tail(&block.block, held),
            Expr::Unsafe(block) => self.tail(&block.block, held),
            Expr::If(branches) => {
                self.tail(&branches.then_branch, held);
                if let Some((_, other)) = &branches.else_branch {
                    self.value(other, held);
                }
            }
            Expr::Match(arms) => arms.arms.iter().for_each(|arm| self.value(&arm.body, held)),
            _ => {}
        }
    }

    /// The value of a block. Names in it may be its own, so only calls count.
    fn tail(&mut self, block: &Block, held: &mut Vec<Span>) {
        if let Some(Stmt::Expr(expr, None)) = block.stmts.last()
            && !matches!(bare(expr), Expr::Path(_))
        {
            self.value(expr, held);
        }
    }

    /// The guards that `let` keeps alive because something in them is borrowed: `&x.borrow().y`.
    fn extended(&mut self, expr: &Expr, held: &mut Vec<Span>) {
        match bare(expr) {
            Expr::Reference(borrow) => self.place(&borrow.expr, held),
            Expr::Tuple(tuple) => tuple
                .elems
                .iter()
                .for_each(|elem| self.extended(elem, held)),
            Expr::Array(array) => array
                .elems
                .iter()
                .for_each(|elem| self.extended(elem, held)),
            Expr::Struct(new) => {
                for field in &new.fields {
                    self.extended(&field.expr, held);
                }
            }
            Expr::Cast(cast) => self.extended(&cast.expr, held),
            _ => {}
        }
    }

    fn place(&mut self, expr: &Expr, held: &mut Vec<Span>) {
        match bare(expr) {
            Expr::Field(field) => self.place(&field.base, held),
            Expr::Index(index) => self.place(&index.expr, held),
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Deref(_)) => {
                self.place(&unary.expr, held);
            }
            Expr::Reference(_) => self.extended(expr, held),
            // A variable that is borrowed stays.
            Expr::Path(_) => {}
            other => self.value(other, held),
        }
    }
}

/// The guards of an expression that live until the end of its statement: those that are used where
/// they are, and not moved into a call.
fn temporaries(expr: &Expr, held: &mut Vec<Span>) {
    match bare(expr) {
        Expr::MethodCall(call) => {
            if let Some(span) = guard(call) {
                held.push(span);
            }
            match bare(&call.receiver) {
                // The closure gets the guard that there may be.
                Expr::MethodCall(tried) if maps(call) && is_one_of(TRIED, tried) => {
                    temporaries(&tried.receiver, held);
                }
                receiver => temporaries(receiver, held),
            }
            call.args.iter().for_each(|arg| unless_moved(arg, held));
        }
        Expr::Call(call) => {
            let keeps = keeps(call);
            for argument in &call.args {
                if keeps {
                    temporaries(argument, held);
                } else {
                    unless_moved(argument, held);
                }
            }
        }
        Expr::Await(awaited) => unless_moved(&awaited.base, held),
        Expr::Array(array) => array.elems.iter().for_each(|elem| temporaries(elem, held)),
        Expr::Binary(binary) if !matches!(binary.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) => {
            temporaries(&binary.left, held);
            temporaries(&binary.right, held);
        }
        Expr::Cast(cast) => temporaries(&cast.expr, held),
        Expr::Field(field) => temporaries(&field.base, held),
        Expr::Index(index) => {
            temporaries(&index.expr, held);
            temporaries(&index.index, held);
        }
        Expr::Match(arms) => temporaries(&arms.expr, held),
        Expr::Range(range) => {
            let ends = range.start.iter().chain(&range.end);
            ends.for_each(|end| temporaries(end, held));
        }
        Expr::Reference(borrow) => temporaries(&borrow.expr, held),
        Expr::Struct(new) => {
            for field in &new.fields {
                temporaries(&field.expr, held);
            }
        }
        Expr::Try(inner) => temporaries(&inner.expr, held),
        Expr::Tuple(tuple) => tuple.elems.iter().for_each(|elem| temporaries(elem, held)),
        Expr::Unary(unary) => temporaries(&unary.expr, held),
        // Blocks, branches and `&&` end what is made in them; closures and async blocks run later.
        _ => {}
    }
}

/// What an argument leaves: a guard that is the argument itself moves on, or is a future.
fn unless_moved(expr: &Expr, held: &mut Vec<Span>) {
    match bare(expr) {
        Expr::MethodCall(call) if guard(call).is_some() => temporaries(&call.receiver, held),
        Expr::MethodCall(call) if PEELED.iter().any(|name| call.method == name) => {
            unless_moved(&call.receiver, held);
        }
        Expr::Try(inner) => unless_moved(&inner.expr, held),
        other => temporaries(other, held),
    }
}

/// The place to point at, if a call makes a guard.
fn guard(call: &ExprMethodCall) -> Option<Span> {
    let makes = is_one_of(NAMES, call) || is_one_of(TRIED, call);
    makes.then(|| call.method.span())
}

fn is_one_of(names: &[&str], call: &ExprMethodCall) -> bool {
    call.args.is_empty() && names.iter().any(|name| call.method == name)
}

fn maps(call: &ExprMethodCall) -> bool {
    call.method == "map" || call.method == "and_then"
}

/// A pattern that matches only where there is no guard: `None`, `Err(..)`.
fn in_vain(pat: &Pat) -> bool {
    let last = match pat {
        Pat::Ident(ident) => Some(&ident.ident),
        Pat::Path(path) => path.path.segments.last().map(|last| &last.ident),
        Pat::TupleStruct(tuple) => tuple.path.segments.last().map(|last| &last.ident),
        _ => None,
    };
    last.is_some_and(|name| name == "None" || name == "Err")
}

/// `Some(guard)`, `Wrapper(guard)`, `Ref::map(guard, ..)`: what a call gives holds its arguments.
fn keeps(call: &ExprCall) -> bool {
    let Expr::Path(path) = bare(&call.func) else {
        return false;
    };
    let is_type = |name: &Ident| name.to_string().starts_with(char::is_uppercase);
    let of_guard = |name: &Ident| {
        let name = name.to_string();
        name.ends_with("Guard") || name == "Ref" || name == "RefMut"
    };
    let mut names = path
        .path
        .segments
        .iter()
        .rev()
        .map(|segment| &segment.ident);
    names.next().is_some_and(is_type) || names.next().is_some_and(of_guard)
}

/// Takes off parentheses, and the invisible groups of other macros.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => bare(&group.expr),
        Expr::Paren(paren) => bare(&paren.expr),
        other => other,
    }
}

/// Takes off parentheses and the type.
fn bare_pat(pat: &Pat) -> &Pat {
    match pat {
        Pat::Paren(paren) => bare_pat(&paren.pat),
        Pat::Type(typed) => bare_pat(&typed.pat),
        other => other,
    }
}

/// The names that a pattern binds. A constant looks the same as a variable, and does no harm.
fn variables(pat: &Pat, names: &mut Vec<Ident>) {
    match pat {
        Pat::Ident(ident) => {
            names.push(ident.ident.clone());
            if let Some((_, inner)) = &ident.subpat {
                variables(inner, names);
            }
        }
        Pat::Or(or) => or.cases.iter().for_each(|case| variables(case, names)),
        Pat::Paren(paren) => variables(&paren.pat, names),
        Pat::Reference(borrow) => variables(&borrow.pat, names),
        Pat::Slice(slice) => slice.elems.iter().for_each(|elem| variables(elem, names)),
        Pat::Struct(new) => new
            .fields
            .iter()
            .for_each(|field| variables(&field.pat, names)),
        Pat::Tuple(tuple) => tuple.elems.iter().for_each(|elem| variables(elem, names)),
        Pat::TupleStruct(tuple) => tuple.elems.iter().for_each(|elem| variables(elem, names)),
        Pat::Type(typed) => variables(&typed.pat, names),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
