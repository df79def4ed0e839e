// Package http is the battery that asks an HTTP target: the class "http".
//
// One request is made, and what answers is held against what was expected: its status, a text in its body, an
// expression over its JSON, the time it took, the days its certificate has left. An answer that does not meet the
// expectation is a failed verdict, whose reason is the first of status, certificate, body, json and latency that
// failed. A target from which there is no answer to judge (it refuses, hangs, redirects for ever, answers more than
// max_body, or no JSON where an expression wants it) is an error: the check could not be made.
//
// What is read and held of an answer is bounded by max_body, and the time by timeout. Neither verdicts nor errors say
// more of the request than its method and host, and no secret of it that the target might repeat.
package http
