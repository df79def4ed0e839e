package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func TestTheDocumentationPageNeedsNothingElse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.get(t, "/docs")
	if r.status != 200 || r.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("status %d, %s", r.status, r.header.Get("Content-Type"))
	}
	_, style, _ := strings.Cut(r.body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	if policy := r.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
		!strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("Content-Security-Policy: %q", policy)
	}
	for _, loading := range regexp.MustCompile(`(?i)<(script|link|img|iframe)|\ssrc=|@import|url\(|\sstyle=`).FindAllString(r.body, -1) {
		t.Errorf("it loads or runs something: %s", loading)
	}
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(r.body, -1) {
		anchor, ok := strings.CutPrefix(link[1], "#")
		if link[1] != "/openapi.json" && (!ok || !strings.Contains(r.body, `id="`+anchor+`"`)) {
			t.Errorf("the link %s leads nowhere", link[1])
		}
	}
}

func TestEveryOperationIsOnTheDocumentationPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	page := w.get(t, "/docs").body
	d, err := itself()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.paths {
		for method, operation := range p.item {
			o, ok := operation.(map[string]any)
			if !ok {
				continue
			}
			if !strings.Contains(page, `<section id="`+o["operationId"].(string)+`">`) {
				t.Errorf("%s %s is not there", method, p.template)
			}
			body, ok := o["requestBody"].(map[string]any)
			if !ok {
				continue
			}
			for kind, media := range body["content"].(map[string]any) {
				if media.(map[string]any)["examples"] == nil && media.(map[string]any)["example"] == nil {
					t.Errorf("%s %s: the body has no example as %s", method, p.template, kind)
				}
			}
		}
	}
}
