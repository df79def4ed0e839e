package diagnosis

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

var opened = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func issue() narrative.Issue {
	return narrative.Issue{
		ID: "i1", Assertion: "invoices-balance", Kind: narrative.KindRecord, Record: narrative.Record{Type: "invoice", ID: "7"},
		Status: narrative.StatusOpen, Severity: narrative.SeverityError, Summary: "total is off", OpenedAt: opened, Rounds: 1,
		Steps: []narrative.ResolutionStep{{Case: "stuck", Action: narrative.Exec, State: narrative.StepApplied, Count: 1}},
		Verdict: narrative.Verdict{Summary: "total is off", Reason: "drift", Details: map[string]any{
			"total": "120.50", "less": "9.10", "word": "late", "lines": int64(3), "note": nil, "flag": true,
		}},
	}
}

func compiler() narrative.CaseCompiler {
	return Compiler(func() time.Time { return opened.Add(10 * time.Minute) })
}

func TestACaseAppliesWhenItsExpressionHolds(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]bool{
		"":                           true,
		"issue.rounds == 0":          false,
		"issue.rounds == 1":          true,
		`issue.age > duration("9m")`: true,
		`issue.kind == "record"`:     true,
		`record.type == "invoice" and record.id == "7"`:      true,
		`float(record.total) > 120`:                          true,
		`record.total > 99 and record.total > record.less`:   true, // not letter by letter
		`record.total - record.less > 111.3`:                 true,
		`record.lines + 1 == 4`:                              true,
		`record.note`:                                        false, // null
		`record.flag`:                                        true,
		`record.note == nil`:                                 true,
		`(record.note ?? 5) > 4`:                             true,
		`verdict.reason == "drift" && !verdict.passed`:       true,
		`verdict.details.lines == 3`:                         true,
		`none(issue.steps, .case == "stuck")`:                false,
		`count(issue.steps, .state == "applied") == 1`:       true,
		`len(issue.steps) > 0 and issue.steps[0].count == 1`: true,
		`issue.opened_at < date("2026-03-02")`:               true,
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			c, err := compiler()(narrative.DeclaredCase{Case: "c", When: when, Pass: true})
			if err != nil {
				t.Fatal(err)
			}
			step, err := c.Diagnose(context.Background(), issue())
			if err != nil || (step != nil) != want {
				t.Errorf("got %+v, %v", step, err)
			}
		})
	}
}

func TestAProposalHoldsTheFilledPlanAndItsTemplate(t *testing.T) {
	t.Parallel()
	plan := narrative.Plan{narrative.Do("email", map[string]string{"to": "${env:OPS}", "subject": "{{.Record.ID}}: {{.Record.total}}"})}
	c, err := compiler()(narrative.DeclaredCase{Case: "c", Plan: plan})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Diagnose(context.Background(), issue())
	if err != nil {
		t.Fatal(err)
	}
	if got.Solution.Data == nil {
		t.Fatal("the data is missing")
	}
	got.Solution.Data = nil
	want := narrative.ExecStep("total is off", narrative.Action{
		Action: "email", Args: json.RawMessage(`{"subject":"7: 120.50","to":"${env:OPS}"}`),
	})
	want.Solution.Template = plan
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAProposalHoldsItsPolicyAndItsRollback(t *testing.T) {
	t.Parallel()
	declared := narrative.DeclaredCase{
		Case: "c",
		Plan: narrative.Plan{
			narrative.Do("email", map[string]string{"to": "a@example.com"}), narrative.Do("webhook", map[string]string{"url": "https://a.example"}),
		},
		Rollback: narrative.Plan{{}, narrative.Do("webhook", map[string]string{"url": "${env:URL}/undo/{{.Record.ID}}"})},
		StepPolicy: narrative.StepPolicy{
			Approval: narrative.ApprovalRequired, ApprovalTimeout: narrative.Duration(time.Hour), VerifyAfter: narrative.Duration(time.Minute),
		},
	}
	c, err := compiler()(declared)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Diagnose(context.Background(), issue())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(declared.StepPolicy, got.Policy); diff != "" {
		t.Errorf("policy (-want +got)\n%s", diff)
	}
	filled := narrative.Plan{{}, narrative.Do("webhook", map[string]string{"url": "${env:URL}/undo/7"})}
	if diff := cmp.Diff(filled, got.Solution.Rollback); diff != "" {
		t.Errorf("rollback (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(declared.Rollback, got.Solution.RollbackTemplate); diff != "" {
		t.Errorf("rollback as written (-want +got)\n%s", diff)
	}
}

func TestARollbackThatCannotBeFilledIsNotProposed(t *testing.T) {
	t.Parallel()
	c, err := compiler()(narrative.DeclaredCase{
		Case: "c", Plan: narrative.Plan{narrative.Do("email", map[string]string{"to": "a@example.com"})},
		Rollback: narrative.Plan{narrative.Do("email", map[string]string{"to": "{{.Record.owner}}"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	step, err := c.Diagnose(context.Background(), issue())
	if step != nil || err == nil || !strings.HasPrefix(err.Error(), "rollback[0].email.to: fill the template: ") {
		t.Errorf("got %+v, %v", step, err)
	}
}

func TestMistakesAreFoundWhenCompiled(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		"issue.rounds = 0":       "write == to compare",
		"isue.rounds == 0":       `did you mean "issue"?`,
		"issue.rouns == 0":       `did you mean "rounds"?`,
		`issue.rounds == "a"`:    "invalid operation: == (mismatched types int and string) (1:14)\n | issue.rounds == \"a\"\n | .............^",
		"issue.rounds":           "expected bool, but got int",
		"issue.rounds ==":        "unexpected token EOF",
		`all(1..1000000, # > 0)`: "ranges",
		`repeat("x", 9) == ""`:   "repeat",
		"all(issue.steps, all(issue.steps, any(issue.steps, .count > 0)))": "more than 2 deep",
		strings.Repeat("true and ", 1000) + "true":                         "at most 4096",
		strings.Repeat("!", 3000) + "true":                                 "maximum allowed nodes",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, err := compiler()(narrative.DeclaredCase{Case: "c", When: when, Pass: true})
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "when: ") ||
				narrative.KindOf(err) != narrative.Invalid {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhoWroteTwoEqualsSignsIsNotToldToWriteThem(t *testing.T) {
	t.Parallel()
	_, err := compiler()(narrative.DeclaredCase{Case: "c", When: "issue.rounds ==", Pass: true})
	if err == nil || strings.Contains(err.Error(), "write ==") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNullIsNamed(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		"record.note > 4":            "record.note is null or absent",
		"record.absent > 4":          "record.absent is null or absent",
		"verdict.details.absent < 1": "verdict.details.absent is null or absent",
		"record.lines":               "invalid operation: bool(int64)",
		"record.word > 100":          "invalid operation",
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			c, err := compiler()(narrative.DeclaredCase{Case: "c", When: when, Pass: true})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Diagnose(context.Background(), issue())
			if err == nil || !strings.Contains(err.Error(), want) || narrative.KindOf(err) != narrative.Invalid {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnExpressionIsGivenUpOnInTime(t *testing.T) {
	t.Parallel()
	c, err := compiler()(narrative.DeclaredCase{
		Case: "c", Pass: true,
		When: `let l = split(record.long, ","); all(l, {let x = #; all(l, {# != x + "no"})})`,
	})
	if err != nil {
		t.Fatal(err)
	}
	i := issue()
	i.Verdict.Details["long"] = strings.Repeat("x,", 4000)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Diagnose(ctx, i); err == nil || !strings.Contains(err.Error(), "not evaluated in time") {
		t.Errorf("got %v", err)
	}
}
