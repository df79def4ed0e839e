package httpapi

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	narrative "github.com/narrative-go/narrative"
)

// Condition says on what state of a thing a change is meant to build.
type Condition struct {
	IfMatch     string `header:"If-Match" doc:"Only change what still has this ETag; * for whatever is there"`
	IfNoneMatch string `header:"If-None-Match" doc:"* to only make what is not there yet"`
}

// holds answers 412 unless the condition holds for what has that ETag, empty where there is nothing.
func (c Condition) holds(etag string) error {
	now := "there is none"
	if etag != "" {
		now = "its ETag is " + etag
	}
	if c.IfMatch != "" && !names(c.IfMatch, etag) {
		return &refusal{http.StatusPreconditionFailed, "it is not what If-Match says: " + now + "; read it again"}
	}
	if c.IfNoneMatch != "" && names(c.IfNoneMatch, etag) {
		return &refusal{http.StatusPreconditionFailed, "it is what If-None-Match excludes: " + now}
	}
	return nil
}

// outrun answers who came too late every time, and may well come in time if it tries again.
func outrun(what string) error {
	return narrative.Errorf(narrative.Conflict, "%s was changed by others each of the %d times that this was tried; try again", what, maxRaces)
}

// names tells whether a list of ETags, or *, names this one. Weak ones name nothing: what they say is not enough to
// change anything.
func names(list, etag string) bool {
	if etag == "" {
		return false
	}
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || one == etag {
			return true
		}
	}
	return false
}

// etagOf is the strong ETag of a revision of something. The content stands in it, since a thing that is removed and made
// again may count its revisions anew.
func etagOf(revision int64, content any) string {
	b, err := json.Marshal(content)
	if err != nil { // what is answered is encoded in the same way, and would fail
		return ""
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf(`"%d-%x"`, revision, sum[:12])
}
