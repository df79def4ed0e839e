package http

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestArgumentsAreValidated(t *testing.T) {
	t.Parallel()
	reg := narrative.NewRegistry()
	Register(reg)
	for name, tt := range map[string]struct{ args, path, message string }{
		"no url":                      {`{}`, "args.url", "is required: what to ask, such as https://shop.example/healthz"},
		"another scheme":              {`{"url":"ftp://h/s3cret"}`, "args.url", "must be an http:// or https:// URL with a host"},
		"no host":                     {`{"url":"http://:80/"}`, "args.url", "must be an http:// or https:// URL with a host"},
		"another method":              {`{"url":"http://h","method":"FETCH"}`, "args.method", `must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; not "FETCH"`},
		"a header's name":             {`{"url":"http://h","headers":{"a b":"c"}}`, "args.headers.a b", "is not a header that can be sent"},
		"a header's value":            {`{"url":"http://h","headers":{"a":"b\r\nc: d"}}`, "args.headers.a", "is not a header that can be sent"},
		"a status":                    {`{"url":"http://h","status":99}`, "args.status", "must be from 200 to 599; not 99"},
		"statuses":                    {`{"url":"http://h","status":"2xx"}`, "args.status", "must be a status such as 200, or a list such as [200, 204]"},
		"a body of HEAD":              {`{"url":"http://h","method":"head","contains":"x"}`, "args.contains", "has nothing to look at: HEAD is answered without a body"},
		"JSON of HEAD":                {`{"url":"http://h","method":"HEAD","json":"body.ok"}`, "args.json", "has nothing to look at: HEAD is answered without a body"},
		"days of no certificate":      {`{"url":"http://h","certificate_days":3}`, "args.certificate_days", "needs an https:// URL; what answers over http:// has no certificate"},
		"days below 0":                {`{"url":"https://h","certificate_days":-1}`, "args.certificate_days", "must be from 0 to 3650; not -1"},
		"a latency never reached":     {`{"url":"http://h","latency":"10s"}`, "args.latency", "must be less than the timeout, which is 10s"},
		"a negative latency":          {`{"url":"http://h","latency":"-1s"}`, "args.latency", "must not be negative"},
		"a negative timeout":          {`{"url":"http://h","timeout":"-1s"}`, "args.timeout", "must not be negative"},
		"a body without end":          {`{"url":"http://h","max_body":100000000}`, "args.max_body", "must be from 1 to 16777216 bytes; not 100000000"},
		"an unknown argument":         {`{"url":"http://h","statuses":[200]}`, "args.statuses", `is not a known field; did you mean "status"? (known: url, method, headers, body, status, contains, json, latency, certificate_days, follow_redirects, private, timeout, max_body)`},
		"an expression of no boolean": {`{"url":"http://h","json":"status + 1"}`, "args.json", "expected bool, but got int"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := reg.CheckArgs(narrative.AssertionKind, Class, json.RawMessage(tt.args))
			if diff := cmp.Diff(narrative.Problems{{Path: tt.path, Message: tt.message}}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for _, args := range []string{
		`{"url":"${env:URL}","method":"${env:M}","headers":{"Authorization":"Bearer ${env:TOKEN}"},"json":"${file:x}"}`,
		`{"url":"https://u:p@h:8443/p?q=1","method":"post","body":{"a":[1]},"status":[200,404],"contains":"x","latency":"1s","certificate_days":14,"follow_redirects":false,"private":false,"timeout":"5s","max_body":100}`,
		`{"url":"http://h","json":"body.queue.depth < 100 and all(body.items, .ok) and headers[\"content-type\"] contains \"json\" and status == 200"}`,
	} {
		if p := reg.CheckArgs(narrative.AssertionKind, Class, json.RawMessage(args)); len(p) > 0 {
			t.Errorf("%s: %v", args, p)
		}
	}
}

func TestExpressionsAreExplained(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"status = 200":      "write == to compare: ",
		"bdy.ok":            `unknown name bdy; did you mean "body"? (known: body, status, headers)`,
		"body.ok and":       "unexpected token EOF",
		"status == \"200\"": "invalid operation",
		`"` + strings.Repeat("x", 5000) + `" == body`: "at most 4096 fit",
	} {
		if _, err := compile(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v", source, err)
		}
	}
}
