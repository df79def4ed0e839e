package narrative_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
)

// wrongInvoice is an issue whose details try to smuggle in a reference and a template.
func wrongInvoice() narrative.Issue {
	return narrative.Issue{
		ID: "i1", Assertion: "invoices-balance", Kind: narrative.KindRecord, Record: narrative.Record{Type: "invoice", ID: "7"},
		Status: narrative.StatusOpen, Severity: narrative.SeverityCritical, Summary: "invoice 7 is off", OpenedAt: at(0), Rounds: 2,
		Steps: []narrative.ResolutionStep{{ID: "s1"}},
		Verdict: narrative.Verdict{Summary: "off by 5", Reason: "sum", Details: map[string]any{
			"total": 12345678, "id": 9007199254740993, "rate": 0.25, "paid": true, "id_of": nil,
			"evil": "${env:SHOP_TOKEN} {{.Issue.ID}}", "lines": []any{1, map[string]any{"sku": "a-1"}},
		}},
	}
}

func issueData() *narrative.TemplateData { return must(narrative.IssueData(wrongInvoice())) }

func spikeData() *narrative.TemplateData {
	return must(narrative.OccurrenceData(narrative.Occurrence{
		Summary: map[string]any{"origin": "payments"}, Details: map[string]any{"count": 20, "window": "10m"},
	}))
}

// vault resolves references as a worker would, and notes nothing.
func vault(kind, name string) (string, error) {
	secrets := map[string]string{"env:SHOP_TOKEN": "s3cret", "env:BRACES": "{{.Issue.Summary}} ${env:SHOP_TOKEN}", "file:/run/key": "k3y"}
	if value, ok := secrets[kind+":"+name]; ok {
		return value, nil
	}
	return "", narrative.Errorf(narrative.Invalid, "${%s:%s} is not set", kind, name)
}

// say is an action with one text.
func say(text string) narrative.Action { return narrative.Do("say", map[string]string{"text": text}) }

// said is the text of an action that say made.
func said(t *testing.T, a narrative.Action) string {
	t.Helper()
	var args struct{ Text string }
	if err := json.Unmarshal(a.Args, &args); err != nil {
		t.Fatal(err)
	}
	return args.Text
}

func TestFillPlan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data           *narrative.TemplateData
		resolve        narrative.Resolver
		template, want string
	}{
		"the issue":                                  {issueData(), nil, "{{.Issue.ID}} {{.Issue.Name}}: {{.Issue.Severity}}, {{.Issue.Rounds}} rounds", "i1 invoices-balance invoice 7: critical, 2 rounds"},
		"a method of the issue's time":               {issueData(), nil, `{{.Issue.OpenedAt.Format "15:04"}}`, "12:00"},
		"the record and its columns":                 {issueData(), nil, "{{.Record.type}} {{.Record.id}}/{{.Record.Type}} {{.Record.ID}}: {{.Record.total}} {{.Record.rate}} {{.Record.paid}}", "invoice 7/invoice 7: 12345678 0.25 true"},
		"whole numbers as written":                   {issueData(), nil, "{{.Verdict.Details.id}} {{.Record.total}}", "9007199254740993 12345678"},
		"the verdict":                                {issueData(), nil, "{{.Verdict.Summary}} ({{.Verdict.Reason}})", "off by 5 (sum)"},
		"lists":                                      {issueData(), nil, `{{range .Verdict.Details.lines}}[{{if eq (printf "%T" .) "int64"}}{{.}}{{else}}{{.sku}}{{end}}]{{end}}`, "[1][a-1]"},
		"an occurrence":                              {spikeData(), nil, "{{.Summary.origin}}: {{.Details.count}} in {{.Details.window}}", "payments: 20 in 10m"},
		"an occurrence without details":              {must(narrative.OccurrenceData(narrative.Occurrence{})), nil, "{{len .Summary}}{{len .Details}}", "00"},
		"an issue without verdict beside it":         {&narrative.TemplateData{Issue: ptr(wrongInvoice())}, nil, "{{.Verdict.Summary}} {{.Record.total}}", "off by 5 12345678"},
		"text that is no template":                   {issueData(), nil, "}} $ {x} < & >", "}} $ {x} < & >"},
		"references as they are, without a resolver": {issueData(), nil, "${env:SHOP_TOKEN} of {{.Issue.ID}}", "${env:SHOP_TOKEN} of i1"},
		"references in a template":                   {issueData(), vault, "{{if .Issue.ID}}${env:SHOP_TOKEN}{{else}}${env:GONE}{{end}}", ""},
		"references in its own text":                 {issueData(), vault, "${env:SHOP_TOKEN}/${file:/run/key} of {{.Issue.ID}}{{range .Verdict.Details.lines}} ${env:SHOP_TOKEN}{{end}}", "s3cret/k3y of i1 s3cret s3cret"},
		"references without a template":              {issueData(), vault, "Bearer ${env:SHOP_TOKEN}", "Bearer s3cret"},
		"no reference brought by data":               {issueData(), vault, "{{.Record.evil}}", "${env:SHOP_TOKEN} {{.Issue.ID}}"},
		"no reference made by a template":            {issueData(), vault, `{{"${env:SHOP_TOKEN}"}} {{"$"}}{env:SHOP_TOKEN}`, "${env:SHOP_TOKEN} ${env:SHOP_TOKEN}"},
		"a secret with braces as it is":              {issueData(), vault, "${env:BRACES}, {{.Issue.ID}}", "{{.Issue.Summary}} ${env:SHOP_TOKEN}, i1"},
		"a secret with braces alone":                 {issueData(), vault, "${env:BRACES}", "{{.Issue.Summary}} ${env:SHOP_TOKEN}"},
		"only references, without data":              {nil, vault, "${env:SHOP_TOKEN} {{.Issue.ID}}", "s3cret {{.Issue.ID}}"},
	} {
		if tt.want == "" { // an else that is never taken is resolved all the same
			t.Run("refuses "+name+" that cannot be resolved", func(t *testing.T) {
				t.Parallel()
				_, err := narrative.FillPlan(narrative.Plan{say(tt.template)}, tt.data, tt.resolve)
				same(t, &failure{narrative.Invalid, "[0].say.text: ${env:GONE} is not set"}, failureOf(err))
			})
			continue
		}
		t.Run("fills in "+name, func(t *testing.T) {
			t.Parallel()
			filled, err := narrative.FillPlan(narrative.Plan{say(tt.template)}, tt.data, tt.resolve)
			if err != nil {
				t.Fatal(err)
			}
			same(t, tt.want, said(t, filled[0]))
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestFillPlanLeavesTheRestAsItIs(t *testing.T) {
	t.Parallel()
	plan := narrative.Plan{{
		Action: "call", Timeout: duration("5s"), Retry: &narrative.Retry{Attempts: 2},
		Args: json.RawMessage(`{"{{.Issue.ID}}":1,"big":12345678901234567890,"deep":[{"x":"{{.Issue.ID}}"}],"n":1.50,"t":true,"z":null}`),
	}, {Action: "rest"}}
	filled := must(narrative.FillPlan(plan, issueData(), nil))
	want := narrative.Plan{plan[0], {Action: "rest"}}
	want[0].Args = json.RawMessage(`{"big":12345678901234567890,"deep":[{"x":"i1"}],"n":1.50,"t":true,"z":null,"{{.Issue.ID}}":1}`)
	same(t, want, filled)
}

// functions is how a message lists what templates may use.
const functions = "(known: and, date, default, eq, ge, gt, html, index, join, json, le, len, lower, lt, ne, not, or, print, printf, println, slice, trim, upper, urlquery)"

func TestTemplateFunctions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ template, want string }{
		"in capitals":                       {"{{upper .Issue.Severity}} {{.Record.total | lower}}", "CRITICAL 12345678"},
		"without space around":              {`[{{trim "  a b\n"}}]`, "[a b]"},
		"a list as one text":                {`{{join ", " (slice .Verdict.Details.lines 0 1)}}{{index .Record "id_of" | join ","}}`, "1"},
		"another for what is missing":       {`{{index .Record "sku" | default "none"}} {{default 5 .Record.id_of}} {{.Record.total | default 1}}`, "none 5 12345678"},
		"JSON":                              {`{{json .Verdict.Details.lines}} {{json .Issue.Record}} {{json "<&>"}}`, `[1,{"sku":"a-1"}] {"type":"invoice","id":"7"} "<&>"`},
		"a date":                            {`{{date "2006-01-02 15:04" .Issue.OpenedAt}}[{{date "2006" .Issue.ResolvedAt}}] {{date "02.01.2006" "2026-02-03T23:30:00-05:00"}}`, "2026-03-01 12:00[] 04.02.2026"},
		"text/template's own":               {`{{printf "%05.1f|%-4s|%d%%" .Record.rate "a" .Record.total}} {{print "a" 1}} {{urlquery "a b&c"}} {{html "<b>"}} {{len .Issue.ID}}`, "000.2|a   |12345678% a1 a+b%26c &lt;b&gt; 2"},
		"no more than text within one text": {`{{range .Verdict.Details.lines}}{{break}}{{end}}{{/* nothing */}}`, ""},
	} {
		t.Run("give "+name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, said(t, must(narrative.FillAction(say(tt.template), issueData(), nil))))
		})
	}
}

func TestFillPlanIsBounded(t *testing.T) {
	t.Parallel()
	const long = "makes a text of more than 1 MiB"
	doubled := `{{$x := "0123456789abcdef"}}` + strings.Repeat("{{$x = print $x $x}}", 40)
	for name, tt := range map[string]struct{ template, want string }{
		"a width":                  {`{{printf "%9999999d" 1}}`, long},
		"a precision":              {`{{printf "%.9999999f" 1.0}}`, long},
		"many widths":              {`{{printf "` + strings.Repeat("%99999d", 12) + `" 1}}`, long},
		"a width from data":        {`{{printf "%*d" 900000 1}}`, "takes no * and no [n] in its format"},
		"an argument again":        {`{{printf "%[1]s%[1]s" "a"}}`, "takes no * and no [n] in its format"},
		"doubling":                 {doubled, long},
		"doubling by join":         {`{{$x := "a"}}{{range 30}}{{$x = join $x (slice $.Verdict.Details.lines)}}{{$x = print $x $x}}{{end}}`, long},
		"a long text":              {`{{range 99999}}0123456789abcdef{{end}}`, "the text is longer than 1 MiB"},
		"a loop":                   {`{{range .Record.total}}{{end}}`, "its loops go around more than 100000 times"},
		"loops within loops":       {`{{range 1000}}{{range 1000}}{{end}}{{end}}`, "its loops go around more than 100000 times"},
		"what is made on the way":  {`{{range 99999}}{{$x := printf "%9999d" 1}}{{end}}`, "makes more than 16 MiB of text on the way"},
		"no time":                  {`{{date "2006" "soon"}}`, `"soon" is not a time such as 2026-01-02T15:04:05Z`},
		"a list that is none":      {`{{join "," .Record.total}}`, "is for a list, not int64"},
		"a name for the counter":   {`{{turn}}`, `there is no function "turn" ` + functions},
		"a mistyped function":      {"\n{{uper .Issue.ID}}", `is not a template: 2: there is no function "uper"; did you mean "upper"? ` + functions},
		"a function of a list":     {`{{(idx .Record "a").b}}`, `there is no function "idx"`},
		"a withheld function":      {`{{call .Issue.ID}}`, `a template cannot use the function "call"`},
		"one that is defined":      {`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "define, block and template are not for a text like this"},
		"one that is not here":     {`{{template "a"}}`, "define, block and template are not for a text like this"},
		"a block":                  {`{{block "a" .}}{{end}}`, "define, block and template are not for a text like this"},
		"a function in a branch's": {`{{if true}}{{else if env "A"}}{{end}}`, `there is no function "env"`},
	} {
		t.Run("it refuses "+name, func(t *testing.T) {
			t.Parallel()
			_, err := narrative.FillAction(say(tt.template), issueData(), nil)
			if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestFillPlanRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ template, want string }{
		"a missing column":               {"{{.Record.sku}}", `fill the template: 1:9: executing "" at <.Record.sku>: map has no entry for key "sku"`},
		"a missing root":                 {"{{.Details}}", `fill the template: 1:2: executing "" at <.Details>: map has no entry for key "Details"`},
		"a template that does not parse": {"{{.Issue.ID", "is not a template: 1: unclosed action"},
		"an unknown function":            {"{{env .Issue.ID}}", `is not a template: 1: there is no function "env" ` + functions},
		"an unset reference":             {"${env:GONE}", "${env:GONE} is not set"},
		"Narrative's own environment":    {"${env:NARRATIVE_API_KEY}", "${env:NARRATIVE_API_KEY} is refused: NARRATIVE_* and TEMPORAL_* are Narrative's own"},
		"Temporal's environment":         {"{{.Issue.ID}} ${env:TEMPORAL_API_KEY}", "${env:TEMPORAL_API_KEY} is refused: NARRATIVE_* and TEMPORAL_* are Narrative's own"},
		"a reference that does not end":  {"${env:SHOP_TOKEN and {{.Issue.ID}}", "has a reference that does not end; write ${env:NAME} or ${file:PATH}"},
		"a reference made of data":       {"${env:{{.Record.id}}}", "has a reference that does not end; write ${env:NAME} or ${file:PATH}"},
		"a reference without a name":     {"${env:}", "${env:} does not name an environment variable"},
		"a reference without a path":     {"${file:}", "${file:} names no path"},
		"an odd name":                    {"${env:A-B}", "${env:A-B} does not name an environment variable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := narrative.FillPlan(narrative.Plan{say("fine"), say(tt.template)}, issueData(), vault)
			same(t, &failure{narrative.Invalid, "[1].say.text: " + tt.want}, failureOf(err))
		})
	}
}

func TestFillingFromDataThatWasKeptGivesTheSamePlan(t *testing.T) {
	t.Parallel()
	plan := narrative.Plan{say("{{.Issue.Name}} {{.Issue.OpenedAt}} {{.Issue.Status}} {{.Verdict.Details}} {{.Record.total}} {{.Record.rate}} {{.Record.paid}} ${env:SHOP_TOKEN}")}
	data := issueData()
	filled := must(narrative.FillPlan(plan, data, nil))
	var read narrative.TemplateData
	if err := json.Unmarshal(mustJSON(data), &read); err != nil {
		t.Fatal(err)
	}
	again := must(narrative.FillPlan(plan, &read, nil))
	same(t, filled, again)
	same(t, must(filled.Digest()), must(again.Digest()))
}

func TestTemplateDataThatDoesNotEncodeIsRefused(t *testing.T) {
	t.Parallel()
	_, err := narrative.OccurrenceData(narrative.Occurrence{Details: map[string]any{"f": func() {}}})
	same(t, narrative.Invalid, narrative.KindOf(err))
}

func TestResolveReferences(t *testing.T) {
	t.Parallel()
	t.Run("resolves them wherever they stand", func(t *testing.T) {
		t.Parallel()
		got := must(narrative.ResolveReferences(json.RawMessage(`{"dsn":"postgres://u:${env:SHOP_TOKEN}@h","n":1,"more":["${file:/run/key}"],"${env:SHOP_TOKEN}":"{{x}}"}`), vault))
		same(t, `{"${env:SHOP_TOKEN}":"{{x}}","dsn":"postgres://u:s3cret@h","more":["k3y"],"n":1}`, string(got))
	})
	t.Run("names every one that it cannot", func(t *testing.T) {
		t.Parallel()
		_, err := narrative.ResolveReferences(json.RawMessage(`{"b":["${env:B}"],"a":"${env:A} ${env:C}","c":"${env:TEMPORAL_ADDRESS}"}`), vault)
		same(t, &failure{narrative.Invalid, "a: ${env:A} is not set\nb[0]: ${env:B} is not set\n" +
			"c: ${env:TEMPORAL_ADDRESS} is refused: NARRATIVE_* and TEMPORAL_* are Narrative's own"}, failureOf(err))
	})
	t.Run("leaves no arguments alone", func(t *testing.T) {
		t.Parallel()
		same(t, nil, must(narrative.ResolveReferences(nil, vault)))
	})
}

func TestHasReference(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "$env:A": false, "${other:A}": false, "${env:A}": true, "a ${file:/x} b": true, "${env:": true,
	} {
		t.Run(fmt.Sprintf("%v for %q", want, text), func(t *testing.T) {
			t.Parallel()
			same(t, want, narrative.HasReference(text))
		})
	}
}

func TestCheckTemplates(t *testing.T) {
	t.Parallel()
	issue := []string{"Issue", "Record", "Verdict"}
	const fields = "there is no .%s here; a template sees .Issue, .Record, .Verdict%s"
	for name, tt := range map[string]struct {
		text  string
		roots []string
		want  string // empty: nothing is wrong
	}{
		"what is there is fine":                {`{{.Issue.Name}} {{.Issue.Record.Type}} {{.Record.anything}} {{with .Verdict.Details}}{{.x}}{{end}} {{range $i, $l := .Record.lines}}{{$l.sku}}{{$.Issue.ID}}{{end}}`, issue, ""},
		"an event's roots are others":          {"{{.Summary.origin}} {{.Details.count}}", []string{"Summary", "Details"}, ""},
		"a mistyped root is found":             {"{{.Isue.ID}}", issue, fmt.Sprintf(fields, "Isue", `; did you mean "Issue"?`)},
		"a foreign root is found":              {"{{.Details.count}}", issue, fmt.Sprintf(fields, "Details", "")},
		"a mistyped field is found":            {"{{.Issue.Sumary}}", issue, `Issue has no field Sumary; did you mean "Summary"?`},
		"a mistyped field of the verdict is":   {"{{.Verdict.Reasons}}", issue, `Verdict has no field Reasons; did you mean "Reason"?`},
		"a field that is not kept is none":     {"{{.Issue.Steps}}", issue, "Issue has no field Steps"},
		"a method that alters is none":         {"{{.Issue.CloseFor}}", issue, "Issue has no field CloseFor"},
		"one in a condition is found":          {"{{if .Isue.ID}}{{end}}", issue, fmt.Sprintf(fields, "Isue", `; did you mean "Issue"?`)},
		"one in a branch is found":             {"{{if .Issue.ID}}{{else if .Issue.Summary}}{{.Issue.Idd}}{{end}}", issue, `Issue has no field Idd; did you mean "ID"?`},
		"one in a range's or with's is found":  {"{{range .Isue}}{{end}}", issue, fmt.Sprintf(fields, "Isue", `; did you mean "Issue"?`)},
		"one in a range's else is found":       {"{{range .Record.lines}}{{else}}{{.Issue.Idd}}{{end}}", issue, `Issue has no field Idd; did you mean "ID"?`},
		"one in a with's else is found":        {"{{with .Record.lines}}{{else}}{{.Issue.Idd}}{{end}}", issue, `Issue has no field Idd; did you mean "ID"?`},
		"one in an argument is found":          {`{{printf "%s" (print .Issue.Idd)}}`, issue, `Issue has no field Idd; did you mean "ID"?`},
		"one behind the dollar is found":       {"{{range .Record.lines}}{{$.Isue.ID}}{{end}}", issue, fmt.Sprintf(fields, "Isue", `; did you mean "Issue"?`)},
		"one that does not parse is refused":   {"{{.Issue.ID}", issue, "is not a template: 1: bad character U+007D '}'"},
		"an unended reference is refused":      {"${env:A", issue, "has a reference that does not end; write ${env:NAME} or ${file:PATH}"},
		"a refused reference is refused":       {"${env:TEMPORAL_ADDRESS}", issue, "${env:TEMPORAL_ADDRESS} is refused: NARRATIVE_* and TEMPORAL_* are Narrative's own"},
		"braces are text without roots":        {"{{.Isue", nil, ""},
		"a reference is checked without roots": {"${env:}", nil, "${env:} does not name an environment variable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want narrative.Problems
			if tt.want != "" {
				want = narrative.Problems{{Path: "list[0].text", Message: tt.want}}
			}
			same(t, want, narrative.CheckTemplates(mustJSON(map[string]any{"list": []any{map[string]any{"text": tt.text}}}), tt.roots...))
		})
	}
	t.Run("all mistakes are found, in order", func(t *testing.T) {
		t.Parallel()
		same(t, narrative.Problems{
			{Path: "a", Message: "${env:} does not name an environment variable"},
			{Path: "b", Message: `Issue has no field Idd; did you mean "ID"?`},
			{Path: "c[1]", Message: fmt.Sprintf(fields, "X", "")},
		}, narrative.CheckTemplates(json.RawMessage(`{"c":["","{{.X}}"],"b":"{{.Issue.Idd}}","a":"${env:}"}`), issue...))
	})
}
