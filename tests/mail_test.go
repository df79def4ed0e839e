package tests

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// TestMailServerDown has no mail server while the shop's issues open, are worked on, and one of them recovers: nothing
// waits for the mails, and once the server is there they all arrive, each once.
func TestMailServerDown(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	p := start(t, narrativeBinary, dir, settings{"NARRATIVE_SMTP_URL": "smtp://" + address}, shopFlags()...)
	await(t, 30*time.Second, "each plan is carried out although no mail can be sent", func() error {
		if got := p.issues("?status=solution_applied"); len(got) != 3 {
			return fmt.Errorf("issues %+v", p.issues(""))
		}
		return nil
	})
	execute(t, filepath.Join(dir, "shop.db"), "UPDATE invoices SET total = lines_total WHERE id = 3")
	await(t, 30*time.Second, "an issue recovers although nobody could be told of it", func() error {
		if got := p.issues("?status=resolved"); len(got) != 1 {
			return fmt.Errorf("issues %+v", p.issues(""))
		}
		return nil
	})
	mails := mailServerAt(t, address)
	await(t, 90*time.Second, "the mails arrive", func() error {
		if got := mails.kinds("billing@shop.example"); got["action"] != 3 || got["resolved"] != 1 {
			return fmt.Errorf("mails by kind: %v", got)
		}
		return nil
	})
}
