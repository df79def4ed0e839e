// Package narrative is the vocabulary and the contracts of Narrative, which watches an application's business logic.
// It speaks and does no I/O: user code is written against it, and everything else of the house is built on it.
//
// # What Narrative is
//
// An assertion that should hold is checked on schedule; when it fails an issue opens; its diagnostic cases are walked
// and each proposes a resolution step; one proposal is carried out, none or several go to people; the fix is verified;
// everybody who was told that it broke is told that it is fixed. Each check and each issue is a Temporal workflow, so
// that nothing is lost when a process dies. Narrative is a library, by which a Go program registers its own assertions,
// events and actions, and a service, whose ready-made binary watches what a narrative.yaml names.
//
// # The words
//
//   - An [Assertion] is a property that should hold; a [RecordAssertion] is one over many records. A [Verdict] is what
//     a check found: passed or failed. A check that could not be made is errored, which is not a verdict.
//   - An [Issue] is a failing assertion, or one record that violates it. Its [Status] is open, solution_applied,
//     impasse, resolved or wont_fix.
//   - A [DiagnosticCase] looks at an issue and proposes a [ResolutionStep]: exec, with a [Solution], or pass.
//   - A [Plan] is what a solution does: a list of named actions with arguments, run by the [Executor].
//   - An [Event] is something to notice, not to repair; each distinct [Occurrence] is handled once within its ttl.
//   - A [Datum] is a fact, with which checks and applications tell what happened: see [Log].
//   - A meta ([AssertionMeta], [EventMeta]) sets one assertion or event going: its name, the class that is the
//     registered code, its arguments, its interval and its policies.
//
// # From a check to a recovery
//
// A check ends as passed, failed or errored, and [DecideCheck] decides what that means. After fail_after failures in a
// row an issue opens (of the whole, or for each violating record); after error_after errors in a row one that says that
// the check cannot be made. An issue hears of later checks only when something changed or a round is due.
//
// A round of diagnosis walks the cases in order, and [Arbitrate] rules on what they propose. Nobody: the admins are told.
// One pass: nothing is done now. One plan: it is validated whole ([Executor], [Plan.Validate]) and then carried out,
// action by action, with a ledger that keeps an action whose completion was recorded from being repeated. Several: the
// issue is at an impasse, and people choose. Rounds that lead to nothing new back off ([RoundWait]); a plan that stops,
// or enough of them that did not help ([Exhausted]), is an impasse, too.
//
// A plan that was carried out is verified: the next check begun after it closes the issue or starts the next round. A
// passing check resolves an unresolved issue of any status: a [Recoverer] cleans up, and whoever was told of the issue is
// told that it is over. People speak to an issue by signals ([DecodeSignal]): solution, resolve, wont_fix, comment.
// [Explain] prints the whole story.
//
// # A program of your own
//
// A program registers its classes and actions in a [Registry] and hands it to cli.Main; it then is a narrative binary,
// with the commands of the ready-made one (dev needs a Temporal server beside it, or the option cli.WithEmbedded):
//
//	func main() {
//		reg := narrative.NewRegistry()
//		sql.Register(reg) // the batteries that it wants
//		narrative.AddAssertion(reg, "mail.QueueShort", newQueueShort)
//		narrative.AddRecordAssertion(reg, "billing.InvoicesBalance", newInvoicesBalance)
//		narrative.AddEvent(reg, "payments.RefundSpike", newRefundSpike)
//		narrative.AddAction(reg, "restart_agent", restartAgent)
//		cli.Main(reg)
//	}
//
// The functions take the meta's arguments, or the plan entry's, as a struct of their own type. Arguments are decoded
// strictly: a field that is unknown or of another type is refused when the meta is saved. A type may check itself
// further ([ArgsValidator]). An assertion that is a [Diagnoser] brings its own cases, best written with [ExecStep] and
// [PassStep]; others are declared in the YAML, beside the name of the class:
//
//	assertions:
//	  - name: outgoing-mail
//	    class: mail.QueueShort
//	    every: 1m
//	    args: {queue: outgoing, max: 10}
//	    diagnostics:
//	      - case: stuck-agent
//	        reason: the agent hangs when the mail server is away for long
//	        plan: [{restart_agent: {host: mail-1}}]
//
// Strings in a plan's arguments are templates ([FillPlan]) over Issue, Record and Verdict, or Summary and Details.
// ${env:NAME} and ${file:PATH} refer to secrets, which are resolved only where a check or an action runs and are never
// kept; see [ResolveReferences].
//
// # Where to read on
//
// The examples of this package run. Package config reads narrative.yaml; package cli has the commands; package executor
// the actions that come along; the packages below batteries the ready-made classes. The decisions are pure functions of
// this package, in decide.go and transition.go; package workflows says when they are asked. [Store] is what persistence
// promises. README.md shows the whole at work in two commands.
package narrative
