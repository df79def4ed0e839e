package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretsThatAreWrittenOutAreWarnedOf(t *testing.T) {
	t.Parallel()
	const text = `assertions:
  - name: a
    class: sql
    args:
      dsn: postgres://shop:hunter2@db/shop
      violations: "SELECT 1 FROM t WHERE u = 'http://a:b@c'"
  - name: b
    class: http
    args:
      url: https://x.example/?token=hunter2
      headers: {Authorization: Bearer hunter2, X-Api-Key: hunter2, Accept: text/html}
    diagnostics:
      - plan:
          - webhook: {url: https://y.example, secret: &again hunter2}
          - login: {password: 12345, client_secret: *again}
        rollback: [{action: webhook, args: {secret: hunter2}}]
`
	got := Warnings([]File{{Name: "etc/shop.yaml", Text: []byte(text)}})
	if got == nil {
		t.Fatal("none was found")
	}
	var lines []string
	for _, one := range got.List {
		place, what, _ := strings.Cut(one.String(), ": warning: ")
		lines = append(lines, place+" "+strings.Split(what, " as it is, ")[0])
	}
	want := []string{
		"etc/shop.yaml:5:12 dsn holds a password",
		"etc/shop.yaml:10:12 url holds a password",
		"etc/shop.yaml:11:32 Authorization holds a secret",
		"etc/shop.yaml:11:59 X-Api-Key holds a secret",
		"etc/shop.yaml:14:62 secret holds a secret",
		"etc/shop.yaml:15:31 password holds a secret",
		"etc/shop.yaml:16:53 secret holds a secret",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if strings.Contains(got.Error(), "hunter2") {
		t.Errorf("the secret is shown:\n%s", got)
	}
}

func TestWhatIsNoSecretIsNotWarnedOf(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"dsn: ${env:SHOP}", "dsn: postgres://shop@db/shop", "dsn: postgres://shop:${env:PW}@db/shop", "dsn: postgres://${env:USER}@db/shop",
		"dsn: postgres://u:${file:/run/pw}@db/shop", "dsn: sqlite:shop.db", "url: https://x.example/?a=b:c@d", "url: https://x.example:8080/a@b",
		"headers: {Authorization: Bearer ${env:TOKEN}}", "secret: ${file:secret}", `password: ""`, "token: ~", "tokens: 5",
		`token: "{{.Record.token}}"`, "record: {type: token, id: token}", "url: https://x.example/?token=${env:TOKEN}", "text: see http://a:b@c",
	} {
		if got := Warnings([]File{{Text: []byte("assertions: [{args: {" + value + "}}]")}}); got != nil {
			t.Errorf("%s: %v", value, got)
		}
	}
	if got := Warnings([]File{{Text: []byte("a: [")}, {Text: []byte("secret: x")}}); got == nil || len(got.List) != 1 {
		t.Errorf("beside a file that is no YAML: %v", got)
	}
}
