// Package diagnosis makes the diagnostic cases that are declared in narrative.yaml walkable.
//
// A case's `when` is an expression in the language of github.com/expr-lang/expr that is true or false. It sees
//
//	issue    id, assertion, kind, status, severity, summary, rounds (finished so far), opened_at, age,
//	         record {type, id}, steps [{case, action, state, reason, count, at}] (oldest first)
//	record   type, id, and the columns of the violating record: record.total
//	verdict  passed, summary, reason, severity, details: of the newest failing check
//
// as in
//
//	issue.rounds == 0
//	issue.age > duration("10m") and none(issue.steps, .case == "restart")
//	record.total - record.lines_total > 100 or verdict.reason == "timeout"
//
// A database's decimals are strings, so that templates print them as written; beside <, <=, >, >=, -, * and / a column
// that is a decimal counts as a number. Elsewhere float(record.total) makes it one.
//
// Mistakes in it are found when the case is compiled, with a caret below them; what is null is found when it is walked,
// and named. Length, nesting, memory and time of an expression are bounded; ranges and repeat are not available.
package diagnosis
