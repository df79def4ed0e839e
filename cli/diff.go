package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) diffCommand() *cobra.Command {
	var out output
	var in files
	c := &cobra.Command{
		Use: "diff -f FILE|DIR…", Short: "Tell field by field what apply would change; exits with 3 where it would change something",
		Long: "Tell field by field what apply would change. It exits with 0 where nothing differs, 3 where something does and 2\n" +
			"where the files are wrong. What came from the files' sources and stands in them no more is told as well; it differs\n" +
			"only with --prune, since apply leaves it alone without.",
		Args: takes(),
	}
	in.flags(c)
	in.applying(c, "as apply --prune")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		r, applied, err := p.apply(cmd, in, true)
		if err != nil {
			return err
		}
		if err := out.print(cmd, r, func(w io.Writer) error { return printDifferences(w, applied.Differences) }); err != nil {
			return err
		}
		if differs(applied.Differences) {
			return &exit{code: exitFails}
		}
		return nil
	})
	return c
}

// differs tells whether apply would change anything; it leaves alone what only --prune would remove.
func differs(all []narrative.Difference) bool {
	return slices.ContainsFunc(all, func(d narrative.Difference) bool { return d.Change != narrative.ChangeOrphaned })
}

// printDifferences writes a line for each value that differs, and for each meta that comes or goes. One that would only
// go with --prune is told, too.
func printDifferences(w io.Writer, all []narrative.Difference) error {
	for _, d := range all {
		var err error
		switch d.Change {
		case narrative.ChangeCreated:
			_, err = fmt.Fprintf(w, "+ %s\n", d.Path)
		case narrative.ChangePruned:
			_, err = fmt.Fprintf(w, "- %s\n", d.Path)
		case narrative.ChangeOrphaned:
			_, err = fmt.Fprintf(w, "%s: would be removed with --prune\n", d.Path)
		default:
			for _, f := range d.Fields {
				if _, err = fmt.Fprintf(w, "%s.%s: %s → %s\n", d.Path, f.Path, shown(f.From), shown(f.To)); err != nil {
					break
				}
			}
		}
		if err != nil {
			return err
		}
	}
	if len(all) > 0 && !differs(all) {
		_, err := fmt.Fprintln(w, "nothing differs: without --prune they stay as they are")
		return err
	}
	return nil
}

// plainValue are the texts that are shown without quotes.
var plainValue = regexp.MustCompile(`^[\pL\pN#$_/*.][^"\\\pC]*$`)

// shown is a value as a person reads it, on one line.
func shown(raw json.RawMessage) string {
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "(none)"
	case json.Unmarshal(raw, &text) == nil && plainValue.MatchString(text):
		return plainText(text)
	}
	return plainText(string(raw))
}
