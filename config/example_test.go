package config_test

import (
	"fmt"

	"github.com/narrative-go/narrative/config"
)

func ExampleParse() {
	_, err := config.Parse([]byte(`assertions:
  - name: invoices-balance
    class: sql
    evry: 5m
    fail_after: two
`), config.Options{File: "shop.yaml"})
	fmt.Println(err)
	// Output:
	// shop.yaml:4:5: "evry" is not a known key; did you mean "every"? (known: name, display_name, class, args, every, cron, timezone, enabled, severity, timeout, queue, trigger, notify, fail_after, resolve_after, error_after, max_attempts, max_plans, max_issues, renotify, escalate, diagnostics)
	//   4 |     evry: 5m
	//     |     ^
	// shop.yaml:5:17: fail_after: "two" is not a whole number of at least 1
	//   5 |     fail_after: two
	//     |                 ^
}
