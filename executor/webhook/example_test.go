package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/webhook"
)

// A receiver verifies a request before it believes it, and forgets what it has received before.
func ExampleVerify() {
	seen := map[string]bool{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		if err := webhook.Verify("s3cret", r.Header.Get(webhook.SignatureHeader), body, time.Now(), 0); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		var message webhook.Body
		if err := json.Unmarshal(body, &message); err != nil || message.Version != webhook.Version {
			http.Error(w, "what is this?", http.StatusBadRequest)
			return
		}
		if !seen[message.Key] {
			seen[message.Key] = true
			fmt.Println(message.Kind, message.Subject)
		}
	}))
	defer receiver.Close()

	channel := webhook.New(webhook.Options{Secret: "s3cret"})
	for range 2 {
		sent, err := channel.Send(context.Background(), narrative.Telling{Notification: narrative.Notification{
			Key: "k1", Kind: narrative.NotifyTest, Recipient: receiver.URL, Message: narrative.Message{Subject: "does this work?"},
		}})
		fmt.Println(sent.Receipt, err)
	}
	// Output:
	// test does this work?
	// HTTP 200 <nil>
	// HTTP 200 <nil>
}
