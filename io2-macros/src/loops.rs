//! The loops of a body, each given its check.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Attribute, BinOp, Block, Expr, Item, Label, Lifetime, Local,
    Macro, Meta, Pat, Path, QSelf, Stmt, Type,
};

use crate::check::Errors;
use crate::guards::{Alive, Guards};

/// How often a loop checks.
pub(crate) enum Every {
    Iteration,
    /// At each n-th, n > 1.
    Nth(u32),
    /// At each n-th, where this constant says n.
    Const(Ident),
}

/// Gives each loop its check, and finds guards and misplaced `no_yield`s on the way.
pub(crate) struct Loops<'a> {
    /// The path of the runtime's hidden module, for messages that point at a place.
    pub(crate) runtime: &'a dyn Fn(Span) -> TokenStream,
    pub(crate) every: Every,
    pub(crate) errors: &'a mut Errors,
    /// The counters that the checks use, to be declared where the function begins: a loop that is
    /// short, but runs often, is then checked, too.
    pub(crate) counters: Vec<Ident>,
    pub(crate) guards: Guards,
    /// What `break` and `continue` may lead to, outermost first.
    pub(crate) exits: Vec<Exit>,
}

/// The end of a loop, or of a block with a label.
pub(crate) struct Exit {
    label: Option<Lifetime>,
    is_loop: bool,
    alive: Alive,
}

/// Macros after which the text does not go on.
const DIVERGING: &[&str] = &["panic", "unreachable", "todo", "unimplemented", "bail"];

/// A place in a loop's body for what runs first, after the items that stand there.
pub(crate) fn insert_first(stmts: &mut Vec<Stmt>, tokens: TokenStream) {
    let items = stmts
        .iter()
        .take_while(|stmt| matches!(stmt, Stmt::Item(_)));
    let at = items.count();
    stmts.insert(at, Stmt::Expr(Expr::Verbatim(tokens), None));
}

impl Loops<'_> {
    /// One loop: its attributes, its label, its keyword, what is done with its head, and its body.
    fn one(
        &mut self,
        attrs: &mut Vec<Attribute>,
        label: Option<&Label>,
        keyword: Span,
        head: impl FnOnce(&mut Self),
        body: &mut Block,
    ) {
        let quiet = take_no_yield(attrs, self.errors);
        self.visit_attributes_mut(attrs);
        let scope = self.guards.enter();
        head(self);
        let guards = if quiet {
            Vec::new()
        } else {
            self.guards.tell()
        };
        let alive = self.guards.alive();
        self.with_exit(label, true, |loops| loops.visit_block_mut(body));
        // Perhaps it never ran.
        self.guards.join(&alive);
        self.guards.leave(&scope);
        if !quiet {
            let check = self.check(keyword, &guards);
            insert_first(&mut body.stmts, check);
        }
    }

    /// What a `break` in it may lead to the end of.
    fn with_exit(&mut self, label: Option<&Label>, is_loop: bool, visit: impl FnOnce(&mut Self)) {
        let label = label.map(|label| label.name.clone());
        let alive = Alive::unreached(&self.guards.enter());
        self.exits.push(Exit {
            label,
            is_loop,
            alive,
        });
        visit(self);
        if let Some(exit) = self.exits.pop() {
            self.guards.join(&exit.alive);
        }
    }

    /// `break` and `continue`: both may lead to the end of the loop.
    fn go_to_exit(&mut self, label: Option<&Lifetime>) {
        let mut exits = self.exits.iter_mut().rev();
        let exit = exits.find(|exit| match label {
            Some(label) => exit.label.as_ref() == Some(label),
            None => exit.is_loop,
        });
        self.guards.go(exit.map(|exit| &mut exit.alive));
    }

    /// What perhaps does not run.
    fn perhaps(&mut self, visit: impl FnOnce(&mut Self)) {
        let before = self.guards.alive();
        visit(self);
        self.guards.join(&before);
    }

    fn check(&mut self, keyword: Span, guards: &[Span]) -> TokenStream {
        let span = hidden(keyword);
        let runtime = (self.runtime)(keyword);
        let warnings = guards.iter().map(|&guard| {
            let (span, runtime) = (hidden(guard), (self.runtime)(guard));
            quote_spanned!(span=> #runtime::guard_held_over_yield();)
        });
        let check = quote_spanned! {span=>
            if #runtime::need_preempt() {
                #(#warnings)*
                #runtime::yield_now().await;
            }
        };
        if matches!(self.every, Every::Iteration) {
            return check;
        }
        let counter = format_ident!("iterations_{}", self.counters.len(), span = span);
        self.counters.push(counter.clone());
        match &self.every {
            // One instruction tells, and the counter may wrap.
            Every::Nth(n) if n.is_power_of_two() => quote_spanned! {span=>
                #counter = #counter.wrapping_add(1);
                if #counter.is_multiple_of(#n) { #check }
            },
            Every::Nth(n) => quote_spanned! {span=>
                #counter = #counter.wrapping_add(1);
                if #counter >= #n { #counter = 0; #check }
            },
            Every::Const(n) => quote_spanned! {span=>
                #counter = #counter.wrapping_add(1);
                if #counter >= #n { #counter = 0; #check }
            },
            Every::Iteration => check,
        }
    }

    /// The condition of an `if` or `while`. Variables and temporaries of its `let`s live as long as
    /// the body; other temporaries go before.
    fn condition(&mut self, condition: &mut Expr) {
        match condition {
            Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => {
                self.visit_attributes_mut(&mut binary.attrs);
                self.condition(&mut binary.left);
                self.perhaps(|loops| loops.condition(&mut binary.right));
            }
            Expr::Let(binding) => {
                self.visit_attributes_mut(&mut binding.attrs);
                self.visit_expr_mut(&mut binding.expr);
                let head = self.guards.bind_head(&binding.expr);
                self.guards.bind_arm(&binding.pat, &binding.expr, head);
            }
            other => self.visit_expr_mut(other),
        }
    }

    fn visit_if(&mut self, branches: &mut syn::ExprIf) {
        self.visit_attributes_mut(&mut branches.attrs);
        let scope = self.guards.enter();
        self.condition(&mut branches.cond);
        let before = self.guards.alive();
        self.visit_block_mut(&mut branches.then_branch);
        let after = self.guards.alive();
        self.guards.rewind(&before);
        self.guards.leave(&scope);
        if let Some((_, other)) = &mut branches.else_branch {
            self.visit_expr_mut(other);
        }
        self.guards.join(&after);
    }

    fn visit_match(&mut self, arms: &mut syn::ExprMatch) {
        self.visit_attributes_mut(&mut arms.attrs);
        self.visit_expr_mut(&mut arms.expr);
        let scope = self.guards.enter();
        let head = self.guards.bind_head(&arms.expr);
        let before = self.guards.alive();
        let mut after = Vec::new();
        for arm in &mut arms.arms {
            self.visit_attributes_mut(&mut arm.attrs);
            self.guards.rewind(&before);
            let scope = self.guards.enter();
            self.guards.bind_arm(&arm.pat, &arms.expr, head);
            if let Some((_, guard)) = &mut arm.guard {
                self.visit_expr_mut(guard);
            }
            self.visit_expr_mut(&mut arm.body);
            self.guards.leave(&scope);
            after.push(self.guards.alive());
        }
        for after in &after {
            self.guards.join(after);
        }
        self.guards.leave(&scope);
    }

    /// What runs elsewhere, or cannot yield: nothing is inserted, and `no_yield` is pointless.
    fn leave_alone(&mut self, expr: &mut Expr, what: &'static str) {
        Elsewhere {
            what,
            errors: self.errors,
        }
        .visit_expr_mut(expr);
    }
}

impl VisitMut for Loops<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::ForLoop(it) => {
                self.visit_expr_mut(&mut it.expr);
                let (head, pat) = (&it.expr, &it.pat);
                let bind = |loops: &mut Self| {
                    loops.guards.bind_head(head);
                    loops.guards.bind(pat);
                };
                self.one(
                    &mut it.attrs,
                    it.label.as_ref(),
                    it.for_token.span,
                    bind,
                    &mut it.body,
                );
            }
            Expr::While(it) => {
                let cond = &mut it.cond;
                let bind = |loops: &mut Self| loops.condition(cond);
                self.one(
                    &mut it.attrs,
                    it.label.as_ref(),
                    it.while_token.span,
                    bind,
                    &mut it.body,
                );
            }
            Expr::Loop(it) => {
                self.one(
                    &mut it.attrs,
                    it.label.as_ref(),
                    it.loop_token.span,
                    |_| (),
                    &mut it.body,
                );
            }
            Expr::If(branches) => self.visit_if(branches),
            Expr::Match(arms) => self.visit_match(arms),
            Expr::Binary(it) if matches!(it.op, BinOp::And(_) | BinOp::Or(_)) => {
                self.visit_attributes_mut(&mut it.attrs);
                self.visit_expr_mut(&mut it.left);
                self.perhaps(|loops| loops.visit_expr_mut(&mut it.right));
            }
            Expr::Block(it) if it.label.is_some() => {
                let label = it.label.clone();
                let visit = |loops: &mut Self| visit_mut::visit_expr_block_mut(loops, it);
                self.with_exit(label.as_ref(), false, visit);
            }
            Expr::Break(it) => {
                visit_mut::visit_expr_break_mut(self, it);
                self.go_to_exit(it.label.as_ref());
            }
            Expr::Continue(it) => {
                visit_mut::visit_expr_continue_mut(self, it);
                self.go_to_exit(it.label.as_ref());
            }
            Expr::Return(it) => {
                visit_mut::visit_expr_return_mut(self, it);
                self.guards.go(None);
            }
            Expr::Closure(_) => self.leave_alone(expr, "a closure"),
            Expr::Async(_) => self.leave_alone(expr, "an `async` block"),
            Expr::Const(_) => self.leave_alone(expr, "a `const` block"),
            // The length is a constant.
            Expr::Repeat(repeat) => self.visit_expr_mut(&mut repeat.expr),
            Expr::Call(call) => {
                visit_mut::visit_expr_call_mut(self, call);
                self.guards.moved(&call.args);
            }
            Expr::MethodCall(call) => {
                visit_mut::visit_expr_method_call_mut(self, call);
                self.guards.moved(&call.args);
            }
            Expr::Assign(assign) => {
                visit_mut::visit_expr_assign_mut(self, assign);
                self.guards.assigned(&assign.left, &assign.right);
            }
            other => visit_mut::visit_expr_mut(self, other),
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        let scope = self.guards.enter();
        visit_mut::visit_block_mut(self, block);
        self.guards.leave(&scope);
    }

    fn visit_local_mut(&mut self, local: &mut Local) {
        self.visit_attributes_mut(&mut local.attrs);
        let Some(init) = &mut local.init else {
            self.guards.bind(&local.pat);
            return;
        };
        self.visit_expr_mut(&mut init.expr);
        if let Some((_, diverge)) = &mut init.diverge {
            let before = self.guards.alive();
            self.visit_expr_mut(diverge);
            self.guards.rewind(&before);
        }
        self.guards.bind_let(&local.pat, &init.expr);
    }

    fn visit_macro_mut(&mut self, it: &mut Macro) {
        let last = it.path.segments.last();
        if last.is_some_and(|last| DIVERGING.iter().any(|name| last.ident == name)) {
            self.guards.go(None);
        }
    }

    fn visit_attributes_mut(&mut self, attrs: &mut Vec<Attribute>) {
        misplaced(attrs, self.errors, MISPLACED);
    }

    // What is constant, or a function of its own.
    fn visit_item_mut(&mut self, _: &mut Item) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}
    fn visit_path_mut(&mut self, _: &mut Path) {}
    fn visit_pat_mut(&mut self, _: &mut Pat) {}
    fn visit_qself_mut(&mut self, _: &mut QSelf) {}
    fn visit_angle_bracketed_generic_arguments_mut(
        &mut self,
        _: &mut AngleBracketedGenericArguments,
    ) {
    }
}

/// The user cannot see what has this span, and messages point at `span`.
pub(crate) fn hidden(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

// ---- no_yield ----

const MISPLACED: &str = "`#[io2::no_yield]` goes on a loop: `#[io2::no_yield] for ..`, or \
                         `let x = #[io2::no_yield] loop ..`";

fn is_no_yield(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|last| last.ident == "no_yield")
}

/// Takes the attribute off a loop. True if it was there.
fn take_no_yield(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> bool {
    let all = attrs.len();
    attrs.retain(|attribute| {
        if !is_no_yield(attribute) {
            return true;
        }
        if !matches!(attribute.meta, Meta::Path(_)) {
            errors.on(attribute, "`#[io2::no_yield]` takes no arguments");
        }
        false
    });
    attrs.len() < all
}

/// Takes it off where it does not belong.
fn misplaced(attrs: &mut Vec<Attribute>, errors: &mut Errors, message: &str) {
    attrs.retain(|attribute| {
        if is_no_yield(attribute) {
            errors.on(attribute, message);
        }
        !is_no_yield(attribute)
    });
}

/// Takes the attribute off in what is left alone anyway.
struct Elsewhere<'a> {
    what: &'static str,
    errors: &'a mut Errors,
}

impl VisitMut for Elsewhere<'_> {
    fn visit_attributes_mut(&mut self, attrs: &mut Vec<Attribute>) {
        let what = self.what;
        let message = format!(
            "nothing in {what} is changed by #[io2::preemptible]: `#[io2::no_yield]` has no effect \
             here, leave it out"
        );
        misplaced(attrs, self.errors, &message);
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}
}
