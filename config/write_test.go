package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
)

// BenchmarkWrite writes manifests of several sizes; what one meta costs should not grow with them.
func BenchmarkWrite(b *testing.B) {
	for _, metas := range []int{100, 1000, 4000} {
		b.Run(fmt.Sprintf("metas=%d", metas), func(b *testing.B) {
			m := manyMetas(metas)
			for b.Loop() {
				if _, err := Write(m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*metas), "µs/meta")
		})
	}
}

func TestWhatIsRelativeIsWrittenAsItIs(t *testing.T) {
	t.Parallel()
	m := manyMetas(1)
	m.Assertions[0].Args = json.RawMessage(`{"dsn": "${file:secret}"}`) // kept before anybody knew better
	text, err := Write(m)
	if err != nil || !strings.Contains(string(text), "dsn: ${file:secret}\n") {
		t.Fatalf("%v\n%s", err, text)
	}
	if asJSON, err := ToJSON(text); err != nil || !strings.Contains(string(asJSON), `"dsn": "${file:secret}"`) {
		t.Errorf("%v\n%s", err, asJSON)
	}
}

// manyMetas is a manifest of so many assertions, as people write them.
func manyMetas(count int) narrative.Manifest {
	m := narrative.Manifest{Source: "many.yaml"}
	for n := range count {
		m.Assertions = append(m.Assertions, narrative.AssertionMeta{
			Meta: narrative.Meta{
				Name: fmt.Sprintf("invoices-%d", n), DisplayName: "Invoices balance", Class: "sql", Enabled: true, Every: narrative.Duration(5e9),
				Args: json.RawMessage(`{"dsn": "${env:SHOP}", "violations": "SELECT id FROM invoices\nWHERE total <> lines_total", "record": {"type": "invoice", "id": "id"}}`),
			},
			Diagnostics: []narrative.DeclaredCase{{
				Case: "tell", When: "issue.rounds == 0", Reason: "billing can tell: which of the two is right",
				Plan: narrative.Plan{{Action: "email", Args: json.RawMessage(`{"to": "billing@example.com", "subject": "Invoice {{.Record.id}} does not balance"}`)}},
			}},
		}.WithDefaults())
	}
	return m
}
