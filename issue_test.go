package narrative_test

import (
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
)

func TestIssueWorkflowID(t *testing.T) {
	t.Parallel()
	long, umlauts := strings.Repeat("x", 201), strings.Repeat("ü", 34) // of 6 bytes each once encoded
	for name, tt := range map[string]struct {
		kind narrative.IssueKind
		of   narrative.Record
		want string
	}{
		"a failure has the assertion's":    {narrative.KindFailure, narrative.Record{}, "issue/a"},
		"many has its own":                 {narrative.KindMany, narrative.Record{}, "issue/a/~many"},
		"a check error has its own":        {narrative.KindCheckError, narrative.Record{}, "issue/a/~check_error"},
		"the system has its own":           {narrative.KindSystem, narrative.Record{}, "issue/a/~system"},
		"a record has its parts":           {narrative.KindRecord, narrative.Record{Type: "invoice", ID: "7"}, "issue/a/invoice/7"},
		"slashes are encoded":              {narrative.KindRecord, narrative.Record{Type: "a/b", ID: "../%2F"}, "issue/a/a%2Fb/..%2F%252F"},
		"spaces and unicode are encoded":   {narrative.KindRecord, narrative.Record{Type: "Rechnung", ID: "№ 7\n"}, "issue/a/Rechnung/%E2%84%96%207%0A"},
		"200 bytes are kept":               {narrative.KindRecord, narrative.Record{Type: "t", ID: long[:200]}, "issue/a/t/" + long[:200]},
		"more are hashed":                  {narrative.KindRecord, narrative.Record{Type: "t", ID: long}, "issue/a/t/~" + narrative.HashText(long)},
		"they are counted once encoded":    {narrative.KindRecord, narrative.Record{Type: umlauts, ID: "1"}, "issue/a/~" + narrative.HashText(umlauts) + "/1"},
		"a record is never many":           {narrative.KindRecord, narrative.Record{Type: "~many", ID: "~"}, "issue/a/%7Emany/%7E"},
		"a record is never another's hash": {narrative.KindRecord, narrative.Record{Type: "t", ID: "~" + narrative.HashText(long)}, "issue/a/t/%7E" + narrative.HashText(long)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.IssueWorkflowID("a", tt.kind, tt.of))
		})
	}
}

func TestIssueName(t *testing.T) {
	t.Parallel()
	for kind, want := range map[narrative.IssueKind]string{
		narrative.KindFailure: "a", narrative.KindSystem: "a", narrative.KindRecord: "a invoice 7",
		narrative.KindMany: "a (many records)", narrative.KindCheckError: "a (cannot be checked)",
	} {
		t.Run("of kind "+string(kind), func(t *testing.T) {
			t.Parallel()
			i := narrative.Issue{Assertion: "a", Kind: kind, Record: narrative.Record{Type: "invoice", ID: "7"}}
			same(t, want, i.Name())
		})
	}
}

// planned is a step that proposes the actions named.
func planned(id string, actions ...string) narrative.ResolutionStep {
	s := narrative.ResolutionStep{ID: id, Action: narrative.Exec, Solution: &narrative.Solution{}}
	for n, a := range actions {
		s.Solution.Plan = append(s.Solution.Plan, narrative.Do(a, map[string]int{"n": n}))
	}
	return s
}

func stepIDs(steps []narrative.ResolutionStep) []string {
	ids := []string{}
	for _, s := range steps {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestStepsMatchingPlan(t *testing.T) {
	t.Parallel()
	issue := narrative.Issue{Steps: []narrative.ResolutionStep{
		planned("a", "restart"),
		planned("ab", "restart", "email"),
		{ID: "pass", Action: narrative.Pass},
		planned("ba", "email", "restart"),
		planned("aba", "restart", "email", "restart"),
		planned("abc", "restart", "email", "page"),
		planned("none"),
		{ID: "passed with a plan", Action: narrative.Pass, Solution: &narrative.Solution{Plan: narrative.Plan{narrative.Do("page", nil)}}},
	}}
	for name, tt := range map[string]struct {
		plan narrative.Plan
		want []string
	}{
		"by one action":             {narrative.Plan{narrative.Do("restart", nil)}, []string{"a"}},
		"by two, in any order":      {narrative.Plan{narrative.Do("email", nil), narrative.Do("restart", nil)}, []string{"ab", "ba", "aba"}},
		"by two, however often":     {narrative.Plan{say("x"), say("x")}, []string{}},
		"by two, one of them twice": {narrative.Plan{narrative.Do("email", nil), narrative.Do("email", nil), narrative.Do("restart", nil)}, []string{"ab", "ba", "aba"}},
		"by three":                  {narrative.Plan{narrative.Do("page", nil), narrative.Do("email", nil), narrative.Do("restart", nil)}, []string{"abc"}},
		"by other arguments":        {narrative.Plan{narrative.Do("restart", map[string]string{"host": "web-1"})}, []string{"a"}},
		"by more than there is":     {narrative.Plan{narrative.Do("restart", nil), narrative.Do("page", nil)}, []string{}},
		"by no action":              {nil, []string{"none"}}, // and never a step without a plan
		"by what a pass would do":   {narrative.Plan{narrative.Do("page", nil)}, []string{"passed with a plan"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, stepIDs(issue.StepsMatchingPlan(tt.plan)))
		})
	}
	t.Run("of an issue without steps are none", func(t *testing.T) {
		t.Parallel()
		same(t, []narrative.ResolutionStep{}, narrative.Issue{}.StepsMatchingPlan(nil))
	})
}

func TestNonPassSteps(t *testing.T) {
	t.Parallel()
	issue := narrative.Issue{Steps: []narrative.ResolutionStep{planned("a", "restart"), {ID: "pass", Action: narrative.Pass}, planned("b", "restart")}}
	same(t, []string{"a", "b"}, stepIDs(issue.NonPassSteps()))
	same(t, []narrative.ResolutionStep{}, narrative.Issue{}.NonPassSteps())
}

func TestEscalate(t *testing.T) {
	t.Parallel()
	type response = func([]narrative.ResolutionStep) *narrative.ResolutionStep
	answer := func(text string) response {
		return func(tried []narrative.ResolutionStep) *narrative.ResolutionStep {
			return narrative.PassStep(text + " after " + strings.Join(stepIDs(tried), ", "))
		}
	}
	responses := []response{answer("first"), nil, answer("third")}
	for name, tt := range map[string]struct {
		tried []narrative.ResolutionStep
		want  *narrative.ResolutionStep
	}{
		"the first, before anything was tried": {nil, narrative.PassStep("first after ")},
		"the first, where only passes were":    {[]narrative.ResolutionStep{{Action: narrative.Pass}}, narrative.PassStep("first after ")},
		"none, where there is none":            {[]narrative.ResolutionStep{planned("a")}, nil},
		"the third, after two":                 {[]narrative.ResolutionStep{planned("a"), {Action: narrative.Pass}, planned("b")}, narrative.PassStep("third after a, b")},
		"none beyond the last":                 {[]narrative.ResolutionStep{planned("a"), planned("b"), planned("c")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.Escalate(narrative.Issue{Steps: tt.tried}, responses...))
		})
	}
	t.Run("none of none", func(t *testing.T) {
		t.Parallel()
		same(t, nil, narrative.Escalate(narrative.Issue{}))
	})
}

func TestStatusClosed(t *testing.T) {
	t.Parallel()
	var closed []narrative.Status
	for _, s := range narrative.Statuses {
		if s.Closed() {
			closed = append(closed, s)
		}
	}
	same(t, []narrative.Status{narrative.StatusResolved, narrative.StatusWontFix}, closed)
}

func TestNotificationKey(t *testing.T) {
	t.Parallel()
	key := narrative.NotificationKey("i1/round/3", narrative.NotifyImpasse, narrative.ChannelEmail, "ops@example.com")
	same(t, 32, len(key))
	for name, other := range map[string]string{
		"another point":     narrative.NotificationKey("i1/round/4", narrative.NotifyImpasse, narrative.ChannelEmail, "ops@example.com"),
		"another kind":      narrative.NotificationKey("i1/round/3", narrative.NotifyOpened, narrative.ChannelEmail, "ops@example.com"),
		"another channel":   narrative.NotificationKey("i1/round/3", narrative.NotifyImpasse, "slack", "ops@example.com"),
		"another recipient": narrative.NotificationKey("i1/round/3", narrative.NotifyImpasse, narrative.ChannelEmail, "dev@example.com"),
	} {
		t.Run("differs for "+name, func(t *testing.T) {
			t.Parallel()
			if other == key {
				t.Error("two notifications have one key")
			}
		})
	}
}
