package conformance

import (
	"time"

	"github.com/narrative-go/narrative"
)

var keyTests = map[string]func(*bench){
	"a key is found by its hash until it is revoked": func(b *bench) {
		k := narrative.APIKey{Name: "ann", Hash: "h1", Scopes: []narrative.Scope{narrative.ScopeRead}, CreatedAt: at(0), ExpiresAt: ptr(time.Hour)}
		added := must(b.store.AddKey(b.ctx, k))(b)
		want := k
		want.ID, want.CreatedAt, want.ExpiresAt = added.ID, kept(0), keptPtr(time.Hour)
		b.same("added", want, added)
		b.same("found", want, must(b.store.KeyByHash(b.ctx, "h1"))(b))
		b.do(b.store.KeyUsed(b.ctx, added.ID, at(time.Minute)))
		b.do(b.store.KeyUsed(b.ctx, added.ID, at(0)))
		b.same("used", keptPtr(time.Minute), must(b.store.Keys(b.ctx))(b)[0].LastUsedAt)
		for _, taken := range []narrative.APIKey{{Name: "ann", Hash: "h2"}, {Name: "bob", Hash: "h1"}} {
			taken.CreatedAt = at(0)
			_, err := b.store.AddKey(b.ctx, taken)
			b.refused("taken", narrative.Conflict, err)
		}
		must(b.store.AddKey(b.ctx, narrative.APIKey{Name: "Bob", Hash: "h3", CreatedAt: at(0)}))(b)
		b.do(b.store.RevokeKey(b.ctx, "ann"))
		b.refused("again", narrative.NotFound, b.store.RevokeKey(b.ctx, added.ID))
		_, err := b.store.KeyByHash(b.ctx, "h1")
		b.refused("revoked", narrative.NotFound, err)
		b.same("left", 1, len(must(b.store.Keys(b.ctx))(b)))
	},
	"a request is answered once": func(b *bench) {
		answer := must(b.store.BeginRequest(b.ctx, "ann", "k", "f", at(0)))(b)
		b.same("first", true, answer == nil)
		_, err := b.store.BeginRequest(b.ctx, "ann", "k", "f", at(time.Second))
		b.refused("under way", narrative.Conflict, err)
		b.same("another caller", true, must(b.store.BeginRequest(b.ctx, "bob", "k", "f", at(0)))(b) == nil)
		want := narrative.RequestAnswer{Status: 201, Header: map[string]string{"Content-Type": "application/json"}, Body: `{"a":1}`}
		b.do(b.store.AnswerRequest(b.ctx, "ann", "k", at(0), &want))
		b.same("again", &want, must(b.store.BeginRequest(b.ctx, "ann", "k", "f", at(time.Hour)))(b))
		_, err = b.store.BeginRequest(b.ctx, "ann", "k", "other", at(time.Hour))
		b.refused("another request", narrative.Conflict, err)
		b.same("a day later", true, must(b.store.BeginRequest(b.ctx, "ann", "k", "other", at(25*time.Hour)))(b) == nil)
		b.same("never answered", true, must(b.store.BeginRequest(b.ctx, "ann", "k", "other", at(25*time.Hour+4*time.Minute)))(b) == nil)
		other := narrative.RequestAnswer{Status: 500}
		b.do(b.store.AnswerRequest(b.ctx, "ann", "k", at(25*time.Hour), &other)) // whose claim was taken over
		b.do(b.store.AnswerRequest(b.ctx, "ann", "k", at(25*time.Hour), nil))
		_, err = b.store.BeginRequest(b.ctx, "ann", "k", "other", at(25*time.Hour+5*time.Minute))
		b.refused("still under way", narrative.Conflict, err)
		b.do(b.store.AnswerRequest(b.ctx, "ann", "k", at(25*time.Hour+4*time.Minute), nil))
		b.same("given up", true, must(b.store.BeginRequest(b.ctx, "ann", "k", "f", at(25*time.Hour+2*time.Minute)))(b) == nil)
	},
	"of many who begin one request, one does": func(b *bench) {
		claimed := 0
		errs := together(12, func(int) error {
			_, err := b.store.BeginRequest(b.ctx, "ann", "k", "f", at(0))
			return err
		})
		for _, err := range errs {
			if err == nil {
				claimed++
			} else {
				b.refused("others", narrative.Conflict, err)
			}
		}
		b.same("claimed", 1, claimed)
	},
}
