package httpapi

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// minCompressed is the size from which answers are compressed; below it, little is gained.
const minCompressed = 1 << 10

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// compressed compresses answers for those who accept it. What is encoded already stays as it is, and so does what has a
// strong ETag, which names its very bytes.
func compressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		if r.Method == http.MethodHead || !acceptsGzip(r.Header) {
			next.ServeHTTP(w, r)
			return
		}
		c := &compressing{ResponseWriter: w}
		next.ServeHTTP(c, r) // where it panics, what is held back is dropped
		c.finish()
	})
}

// acceptsGzip reads Accept-Encoding.
func acceptsGzip(h http.Header) bool {
	accepted := false
	for _, value := range h.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(value, ",") {
			coding, parameters, _ := strings.Cut(part, ";")
			coding = strings.ToLower(strings.TrimSpace(coding))
			weight, given := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(parameters), " ", ""), "q=")
			q, err := strconv.ParseFloat(weight, 64)
			wanted := !given || err == nil && q > 0
			switch coding {
			case "gzip", "x-gzip":
				return wanted
			case "*":
				accepted = wanted
			}
		}
	}
	return accepted
}

// compressing holds an answer back until it is known whether it is worth compressing.
type compressing struct {
	http.ResponseWriter
	status  int
	held    []byte
	gz      *gzip.Writer
	decided bool
}

// WriteHeader keeps the status until the answer begins.
func (c *compressing) WriteHeader(status int) {
	if c.decided || status < http.StatusOK {
		c.ResponseWriter.WriteHeader(status)
		return
	}
	if c.status == 0 {
		c.status = status
	}
}

func (c *compressing) Write(p []byte) (int, error) {
	if !c.decided {
		c.held = append(c.held, p...)
		if len(c.held) < minCompressed {
			return len(p), nil
		}
		return len(p), c.begin(true)
	}
	if c.gz != nil {
		return c.gz.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

// begin sends the head of the answer and what is held.
func (c *compressing) begin(worth bool) error {
	c.decided = true
	h := c.Header()
	if worth && h.Get("Content-Encoding") == "" && h.Get("ETag") == "" {
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		c.gz = gzipWriters.Get().(*gzip.Writer)
		c.gz.Reset(c.ResponseWriter)
	}
	if c.status != 0 {
		c.ResponseWriter.WriteHeader(c.status)
	}
	held := c.held
	c.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := c.Write(held)
	return err
}

func (c *compressing) finish() {
	if !c.decided {
		_ = c.begin(false) // a reader that went away is not our failure
	}
	if c.gz != nil {
		_ = c.gz.Close()
		c.gz.Reset(nil)
		gzipWriters.Put(c.gz)
		c.gz = nil
	}
}

// FlushError sends what there is.
func (c *compressing) FlushError() error {
	if !c.decided {
		if err := c.begin(false); err != nil {
			return err
		}
	}
	if c.gz != nil {
		if err := c.gz.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (c *compressing) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// decompressed takes bodies that are sent compressed. Every limit is of what they come to.
func decompressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch coding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); coding {
		case "", "identity":
		case "gzip", "x-gzip":
			r.Body = &gzipBody{ReadCloser: r.Body}
			r.ContentLength = -1
			r.Header.Del("Content-Encoding")
		default:
			writeProblem(w, http.StatusUnsupportedMediaType, "a body may be encoded with gzip; not with "+coding)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// gzipBody reads a compressed body; nothing is read before it is asked for.
type gzipBody struct {
	io.ReadCloser
	gz *gzip.Reader
}

func (b *gzipBody) Read(p []byte) (int, error) {
	if b.gz == nil {
		gz, err := gzip.NewReader(b.ReadCloser)
		if err != nil {
			return 0, err
		}
		b.gz = gz
	}
	return b.gz.Read(p)
}
