package diagnosis

import (
	"reflect"
	"time"

	"github.com/narrative-go/narrative"
)

// view is what an expression sees. Its types are what mistakes are found by when it is compiled.
type view struct {
	Issue   issueView      `expr:"issue"`
	Record  map[string]any `expr:"record"`
	Verdict verdictView    `expr:"verdict"`
}

type issueView struct {
	ID        string        `expr:"id"`
	Assertion string        `expr:"assertion"`
	Kind      string        `expr:"kind"`
	Status    string        `expr:"status"`
	Severity  string        `expr:"severity"`
	Summary   string        `expr:"summary"`
	Record    recordView    `expr:"record"`
	Rounds    int           `expr:"rounds"`
	OpenedAt  time.Time     `expr:"opened_at"`
	Age       time.Duration `expr:"age"`
	Steps     []stepView    `expr:"steps"`
}

type recordView struct {
	Type string `expr:"type"`
	ID   string `expr:"id"`
}

type stepView struct {
	Case   string    `expr:"case"`
	Action string    `expr:"action"`
	State  string    `expr:"state"`
	Reason string    `expr:"reason"`
	Count  int       `expr:"count"`
	At     time.Time `expr:"at"`
}

type verdictView struct {
	Passed   bool           `expr:"passed"`
	Summary  string         `expr:"summary"`
	Reason   string         `expr:"reason"`
	Severity string         `expr:"severity"`
	Details  map[string]any `expr:"details"`
}

// names are all names of the view, for suggestions.
var names = namesOf(reflect.TypeFor[view](), nil)

func namesOf(t reflect.Type, names []string) []string {
	for t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return names
	}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("expr"); name != "" {
			names = namesOf(t.Field(i).Type, append(names, name))
		}
	}
	return names
}

func viewOf(i narrative.Issue, now time.Time) view {
	v := view{
		Issue: issueView{
			ID: i.ID, Assertion: i.Assertion, Kind: string(i.Kind), Status: string(i.Status), Severity: string(i.Severity),
			Summary: i.Summary, Record: recordView{i.Record.Type, i.Record.ID}, Rounds: i.Rounds, OpenedAt: i.OpenedAt,
			Age: now.Sub(i.OpenedAt), Steps: make([]stepView, len(i.Steps)),
		},
		Record: narrative.RecordView(i.Record, i.Verdict.Details),
		Verdict: verdictView{
			Passed: i.Verdict.Passed, Summary: i.Verdict.Summary, Reason: i.Verdict.Reason,
			Severity: string(i.Verdict.Severity), Details: i.Verdict.Details,
		},
	}
	for n, s := range i.Steps {
		v.Issue.Steps[n] = stepView{
			Case: s.Case, Action: string(s.Action), State: string(s.State), Reason: s.Reason, Count: s.Count, At: s.At,
		}
	}
	return v
}
