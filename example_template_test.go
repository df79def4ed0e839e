package narrative_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

func ExampleFillPlan() {
	plan := narrative.Plan{narrative.Do("webhook", map[string]string{
		"url": "https://shop.example/invoices/{{.Record.id}}?token=${env:SHOP_TOKEN}", "body": "off by {{.Verdict.Details.by}}",
	})}
	data, err := narrative.IssueData(narrative.Issue{
		Record:  narrative.Record{Type: "invoice", ID: "7"},
		Verdict: narrative.Failed("invoice 7 is off").With("by", 5),
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// As it is kept and shown: references to secrets stay as they are.
	kept, err := narrative.FillPlan(plan, data, nil)
	fmt.Println(string(kept[0].Args), err)

	// As it is carried out.
	run, err := narrative.FillPlan(plan, data, func(kind, name string) (string, error) { return "s3cret", nil })
	fmt.Println(string(run[0].Args), err)

	// What is wrong with a template is found when the meta is saved.
	fmt.Println(narrative.CheckTemplates([]byte(`"{{.Isue.ID}}"`), "Issue", "Record", "Verdict"))
	// Output:
	// {"body":"off by 5","url":"https://shop.example/invoices/7?token=${env:SHOP_TOKEN}"} <nil>
	// {"body":"off by 5","url":"https://shop.example/invoices/7?token=s3cret"} <nil>
	// there is no .Isue here; a template sees .Issue, .Record, .Verdict; did you mean "Issue"?
}

func ExampleFillAction() {
	data, err := narrative.IssueData(narrative.Issue{
		Assertion: "invoices-balance", Severity: narrative.SeverityCritical, OpenedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Verdict: narrative.Failed("invoice 7 is off").With("lines", []string{"a-1", "b-2"}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{
		`{{upper .Issue.Severity}} since {{date "2 Jan 15:04" .Issue.OpenedAt}}: {{join ", " .Record.lines}}`,
		`{{index .Record "owner" | default "nobody"}} {{json .Record.lines}}`,
		`{{uper .Issue.Severity}}`,
	} {
		filled, err := narrative.FillAction(narrative.Do("email", map[string]string{"text": text}), data, nil)
		if err != nil {
			message, _, _ := strings.Cut(err.Error(), " (known")
			fmt.Println(message)
			continue
		}
		fmt.Println(string(filled.Args))
	}
	// Output:
	// {"text":"CRITICAL since 1 Mar 12:00: a-1, b-2"}
	// {"text":"nobody [\"a-1\",\"b-2\"]"}
	// email.text: is not a template: 1: there is no function "uper"; did you mean "upper"?
}
