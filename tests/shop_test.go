package tests

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// shop copies the example into a folder of the test's own.
func shop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"narrative.yaml", "shop.db"} {
		content, err := os.ReadFile(filepath.Join("..", "examples", "shop", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// execute changes the shop's database, as the README's sqlite3 command does.
func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func shopFlags() []string {
	return []string{"dev", "-f", "narrative.yaml", "--listen", "127.0.0.1:0", "--temporal-port", "0", "--ui-port", "0"}
}

// TestShop walks the README's story on a copy of the example: three invoices do not balance, each gets its issue, its
// diagnosis and one mail; one is corrected and its recovery told; the process is interrupted, killed and started again
// and goes on where it was.
func TestShop(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	p := start(t, narrativeBinary, dir, nil, shopFlags()...)
	mails := filepath.Join(dir, ".narrative", "outbox")

	await(t, 15*time.Second, "each wrong invoice has an applied solution and a mail", func() error {
		return shopOpened(p.issues(""), outbox(t, mails))
	})
	await(t, 30*time.Second, "the second case passes from then on", func() error {
		for _, i := range p.issues("") {
			if len(i.Steps) != 2 || i.Steps[1].Case != "give-it-time" || i.Steps[1].State != "passed" {
				return fmt.Errorf("issue %+v", i)
			}
		}
		return nil
	})
	said := p.out.String()
	for _, want := range []string{"invoice 3", "invoice 7", "invoice 11", p.url, "outbox", "billing@shop.example"} {
		if !strings.Contains(said, want) {
			t.Errorf("the terminal does not say %q:\n%s", want, said)
		}
	}

	execute(t, filepath.Join(dir, "shop.db"), "UPDATE invoices SET total = lines_total WHERE id = 3")
	await(t, 15*time.Second, "the corrected invoice is resolved and told", func() error { return resolvedInvoice(p, t, mails, "3", 4) })

	if err := p.end(os.Interrupt, 10*time.Second); err != nil {
		t.Errorf("Ctrl-C: %v; want exit code 0", err)
	}
	before := outbox(t, mails)
	p = start(t, narrativeBinary, dir, nil, shopFlags()...)
	runsPass(t, p, 3)
	same(t, p, before, mails)

	_ = p.end(syscall.SIGKILL, 10*time.Second)
	p = start(t, narrativeBinary, dir, nil, shopFlags()...)
	execute(t, filepath.Join(dir, "shop.db"), "UPDATE invoices SET total = lines_total WHERE id = 7")
	await(t, 45*time.Second, "an invoice corrected after a kill is resolved and told", func() error { return resolvedInvoice(p, t, mails, "7", 5) })
	if got := len(p.issues("")); got != 3 {
		t.Errorf("%d issues after restarts; want the 3 there were", got)
	}
	if letters := outbox(t, mails); count(letters, "action") != 3 || count(letters, "resolved") != 2 {
		t.Errorf("mails after restarts: %+v; want 3 of kind action and 2 of kind resolved", letters)
	}
}

func shopOpened(issues []issue, letters []letter) error {
	if len(issues) != 3 || count(letters, "action") != 3 || len(letters) != 3 {
		return fmt.Errorf("%d issues, mails %+v", len(issues), letters)
	}
	for _, i := range issues {
		if i.Kind != "record" || i.Record.Type != "invoice" || i.Severity != "critical" || i.Rounds < 1 || i.Status != "solution_applied" {
			return fmt.Errorf("issue %+v", i)
		}
	}
	for _, l := range letters {
		if l.To != "billing@shop.example" || len(l.Issues) != 1 || !strings.Contains(l.Subject, "does not balance") {
			return fmt.Errorf("mail %+v", l)
		}
	}
	return nil
}

func resolvedInvoice(p *process, t *testing.T, mails, id string, letters int) error {
	var resolved *issue
	for _, i := range p.issues("?status=resolved") {
		if i.Record.ID == id {
			resolved = &i
		}
	}
	if resolved == nil || resolved.ResolvedAt == nil {
		return fmt.Errorf("invoice %s is not resolved", id)
	}
	all := outbox(t, mails)
	if len(all) != letters {
		return fmt.Errorf("%d mails", len(all))
	}
	for _, l := range all {
		if l.Kind == "resolved" && strings.HasPrefix(l.Subject, "[Resolved]") && l.Issues[0] == resolved.ID && strings.Contains(l.Text, "lasted") {
			return nil
		}
	}
	return fmt.Errorf("no mail tells of the recovery: %+v", all)
}

// runsPass waits for that many checks more.
func runsPass(t *testing.T, p *process, more int) {
	t.Helper()
	newest := func() time.Time {
		var runs struct {
			Items []struct {
				FinishedAt time.Time `json:"finished_at"`
			} `json:"items"`
		}
		p.get("/api/v1/assertions/invoices-balance/runs?limit=1", &runs)
		return runs.Items[0].FinishedAt
	}
	for range more {
		last := newest()
		await(t, 60*time.Second, "a further check is made", func() error {
			if newest().After(last) {
				return nil
			}
			return fmt.Errorf("the newest is still that of %s", last)
		})
	}
}

// same checks that a restart neither opened nor told anything again.
func same(t *testing.T, p *process, before []letter, mails string) {
	t.Helper()
	if after := outbox(t, mails); len(after) != len(before) {
		t.Errorf("%d mails after the restart; want the %d from before", len(after), len(before))
	}
	if got := len(p.issues("")); got != 3 {
		t.Errorf("%d issues after the restart; want 3", got)
	}
}
