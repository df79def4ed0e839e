package httpapi

import (
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Bodies as they may be sent, for the description.
const (
	assertionExample = `{
		"class": "sql", "every": "5m", "severity": "critical", "fail_after": 2,
		"args": {"dsn": "${env:SHOP_DATABASE_URL}", "violations": "SELECT id FROM invoices WHERE total <> lines_total", "record": {"type": "invoice", "id": "id"}},
		"diagnostics": [{"case": "recalculate", "when": "issue.rounds == 0", "plan": [{"webhook": {"url": "https://shop.internal/recalculate"}}], "verify_after": "2m"}]
	}`
	eventExample = `{
		"class": "datums", "every": "1m", "ttl": "6h",
		"args": {"origin": "payments", "name": "refund", "window": "10m", "at_least": 20},
		"respond": [{"action": "slack", "args": {"channel": "#payments", "text": "{{.Details.count}} refunds"}}]
	}`
	datumExample  = `{"origin": "payments", "name": "refund", "note": {"order": 42, "amount": "9.90"}, "level": "info", "thread_id": "order-42", "ttl": "30d"}`
	datumsExample = `[{"origin": "payments", "name": "refund", "note": {"order": 42}}, {"origin": "payments", "name": "refund", "level": "warn"}]`
	ndjsonExample = `{"origin": "payments", "name": "refund", "note": {"order": 42}}` + "\n" + `{"origin": "payments", "name": "refund", "level": "warn"}` + "\n"
	filesExample  = `{"files": [
		{"name": "shop.yaml", "source": "shop.yaml", "dir": "/srv/shop", "text": "assertions: []"}, {"name": "mail.yaml", "source": "mail.yaml", "dir": "", "text": "events: []"}
	]}`
	applyExample = `assertions:
  - name: invoices-balance
    class: sql
    every: 5m
    args:
      dsn: ${env:SHOP_DATABASE_URL}
      violations: SELECT id FROM invoices WHERE total <> lines_total
`
)

// examples are examples of a body: for each a key, a summary and JSON.
func examples(of ...string) map[string]*huma.Example {
	all := map[string]*huma.Example{}
	for i := 0; i+2 < len(of); i += 3 {
		all[of[i]] = &huma.Example{Summary: of[i+1], Value: json.RawMessage(of[i+2])}
	}
	return all
}

// textExample is an example of a body that is not JSON.
func textExample(text string) map[string]*huma.Example {
	return map[string]*huma.Example{"text": {Summary: "As it is sent", Value: text}}
}

// exampleContent is a body of JSON with its examples.
func exampleContent(s *huma.Schema, of ...string) map[string]*huma.MediaType {
	content := jsonContent(s)
	content["application/json"].Examples = examples(of...)
	return content
}

// refName is the name of the schema that s refers to.
func refName(s *huma.Schema) string { return s.Ref[strings.LastIndex(s.Ref, "/")+1:] }
