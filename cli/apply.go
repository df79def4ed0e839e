package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/httpapi"
)

func (p *program) applyCommand() *cobra.Command {
	var out output
	var in files
	c := &cobra.Command{
		Use: "apply -f FILE|DIR…", Short: "Make Narrative watch what a narrative.yaml, or several together, say, all or nothing",
		Args: takes(),
	}
	in.flags(c)
	in.applying(c, "remove what came from the same sources and stands in the files no more")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		r, applied, err := p.apply(cmd, in, false)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error { return printApplied(w, applied) })
	})
	return c
}

// files are those that a command is about.
type files struct {
	paths  []string
	source string // of those that do not say theirs
	prune  bool
}

func (f *files) flags(c *cobra.Command) {
	c.Flags().StringArrayVarP(&f.paths, "file", "f", nil, "a narrative.yaml, a folder of some (*.yaml and *.yml), or - for stdin; may be repeated")
	orEnv(c.Flags(), "file", "NARRATIVE_FILE")
}

// applying adds the flags of what is done with the files.
func (f *files) applying(c *cobra.Command, prune string) {
	c.Flags().BoolVar(&f.prune, "prune", false, prune)
	c.Flags().StringVar(&f.source, "source", "", "label what comes from the files that do not say their source; default each file's name")
}

// apply has the API apply the files, or tell what that would do.
func (p *program) apply(cmd *cobra.Command, in files, dry bool) (reply, narrative.Applied, error) {
	var applied narrative.Applied
	if len(in.paths) == 0 {
		return reply{}, applied, misused("%s needs -f FILE", cmd.CommandPath())
	}
	read, err := config.ReadFiles(p.Stdin, in.paths...)
	if err != nil {
		return reply{}, applied, err
	}
	if !dry {
		warn(cmd, read)
	}
	client, err := p.client()
	if err != nil {
		return reply{}, applied, err
	}
	body := httpapi.Files{}
	for _, f := range read {
		body.Files = append(body.Files, httpapi.File{Name: f.Name, Source: in.source, Dir: f.Dir, Text: string(f.Text)})
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return reply{}, applied, misused("encode the files: %w", err)
	}
	path, query := "/api/v1/apply", url.Values{}
	if in.prune {
		query.Set("prune", "true")
	}
	if dry {
		query.Set("dry_run", "true")
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r, err := client.send(cmd.Context(), http.MethodPost, path, encoded, "Content-Type", "application/json")
	var document *problem
	if errors.As(err, &document) && beginsWithPlace(document.Detail, read) {
		fmt.Fprintln(cmd.ErrOrStderr(), document.Detail) // the lines speak for themselves
		return reply{}, applied, &exit{code: exitMisused}
	}
	if err != nil {
		return reply{}, applied, err
	}
	return r, applied, r.into(&applied)
}

// beginsWithPlace tells whether a text is the mistakes of files: FILE:LINE:COL: …
func beginsWithPlace(text string, read []config.File) bool {
	return slices.ContainsFunc(read, func(f config.File) bool { return strings.HasPrefix(text, f.Name+":") })
}

// maxNamed is how many names are listed of those that nothing happened to.
const maxNamed = 20

func printApplied(w io.Writer, a narrative.Applied) error {
	for _, part := range []struct {
		what  string
		names []string
	}{{"created", a.Created}, {"changed", a.Changed}, {"pruned", a.Pruned}, {"unchanged", a.Unchanged}} {
		if len(part.names) == 0 {
			continue
		}
		names, more := part.names, ""
		if part.what == "unchanged" && len(names) > maxNamed {
			names, more = names[:maxNamed], ", …"
		}
		fmt.Fprintf(w, "%-10s %s%s\n", part.what, strings.Join(names, ", "), more)
	}
	if a.Config {
		fmt.Fprintln(w, "changed    the configuration")
	}
	if !a.Config && len(a.Created)+len(a.Changed)+len(a.Pruned) == 0 {
		fmt.Fprintln(w, "nothing to do")
		return nil
	}
	_, err := fmt.Fprintf(w, "%d created, %d changed, %d pruned, %d unchanged\n", len(a.Created), len(a.Changed), len(a.Pruned), len(a.Unchanged))
	return err
}
