package email_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/email"
)

func ExampleNewOutbox() {
	dir, err := os.MkdirTemp("", "outbox")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	outbox, err := email.NewOutbox(dir, email.Sender{From: "narrative@shop.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	sent, err := outbox.Send(context.Background(), narrative.Telling{Notification: narrative.Notification{
		Key: "k1", Recipient: "ops@example.com", CreatedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Message: narrative.Message{Subject: "invoices-balance fails", Text: "Invoice 7 is off."},
	}})
	files, _ := filepath.Glob(filepath.Join(dir, "*.eml"))
	fmt.Println(sent.Receipt, err, len(files))
	// Output: <k1@shop.example> <nil> 1
}
