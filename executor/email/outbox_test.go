package email

import (
	"context"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestTheOutboxHoldsWhatWouldBeSent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "outbox")
	box, err := NewOutbox(dir, Sender{From: "Narrative <bot@shop.example>", ReplyTo: "team@shop.example"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if sent, err := box.Send(context.Background(), telling()); err != nil || sent.Receipt != "<k1@shop.example>" {
			t.Fatalf("%+v, %v", sent, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "20260301T120000.123456Z-k1.eml" {
		t.Fatalf("files %v, %v", files, err)
	}
	f, err := os.Open(filepath.Join(dir, files[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := mail.ReadMessage(f)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for k := range m.Header {
		got[k] = m.Header.Get(k)
	}
	got["Subject"], _ = (&mime.WordDecoder{}).DecodeHeader(got["Subject"])
	contentType := got["Content-Type"]
	delete(got, "Content-Type")
	want := map[string]string{
		"Auto-Submitted": "auto-generated", "Date": "Sun, 01 Mar 2026 12:00:00 +0000", "From": `"Narrative" <bot@shop.example>`,
		"In-Reply-To": "<issue-i-7@shop.example>", "Message-Id": "<k1@shop.example>", "Mime-Version": "1.0",
		"References": "<issue-i-7@shop.example>", "Reply-To": "<team@shop.example>", "Subject": "invoice 7 is off: 5€ Bcc: x@example.com",
		"To": "<ops@example.com>", "X-Narrative-Issue": "i-7", "X-Narrative-Kind": "action",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got)\n%s", diff)
	}
	text, rich := parts(t, contentType, m.Body)
	if strings.ReplaceAll(text, "\r\n", "\n") != "See <invoice> 7.\nRegards" || !strings.Contains(rich, "See &lt;invoice&gt; 7.") {
		t.Errorf("text %q, html %q", text, rich)
	}
}

func parts(t *testing.T, contentType string, body io.Reader) (text, rich string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", contentType, err)
	}
	var all []string
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	if len(all) != 2 {
		t.Fatalf("parts %q", all)
	}
	return all[0], all[1]
}

func TestARepeatIsTheSameBytes(t *testing.T) {
	t.Parallel()
	id, err := Sender{}.identity()
	if err != nil {
		t.Fatal(err)
	}
	message := about("i-7", "i-8", "i-9")
	message.Earlier = []string{"e1", "e2"}
	first, err := id.write(message)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, _ := id.write(message); string(again.content) != string(first.content) {
			t.Fatal("a repeat differs")
		}
	}
}

func TestABadRecipientIsRefused(t *testing.T) {
	t.Parallel()
	box, err := NewOutbox(t.TempDir(), Sender{})
	if err != nil {
		t.Fatal(err)
	}
	n := telling()
	n.Recipient = "nobody"
	if _, err := box.Send(context.Background(), n); narrative.KindOf(err) != narrative.Invalid {
		t.Errorf("got %v", err)
	}
	n = telling()
	n.Key = "../../etc/passwd"
	if _, err := box.Send(context.Background(), n); err != nil {
		t.Error(err)
	}
	if files, _ := os.ReadDir(box.dir); len(files) != 1 || strings.Contains(files[0].Name(), "passwd") {
		t.Errorf("files %v", files)
	}
}
