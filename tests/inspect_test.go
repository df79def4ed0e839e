package tests

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// inspect reads the imports of every Go file beneath a folder and returns what is not in the plan, one sentence each,
// and the number of files read.
func inspect(root string) (violations []string, files int, err error) {
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && skipped(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		files++
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		found, err := inspectFile(name, filepath.ToSlash(rel))
		violations = append(violations, found...)
		return err
	})
	return violations, files, err
}

// skipped reports whether a folder holds no source of ours, as the go command has it.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
		slices.Contains([]string{"testdata", "vendor", "node_modules", "bin"}, name)
}

// inspectFile returns what one file, known by its path from the root, should not import.
func inspectFile(name, rel string) ([]string, error) {
	source, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	pkg := path.Dir(rel)
	if pkg == "." {
		pkg = ""
	}
	if why := unplanned(pkg); why != "" {
		return []string{fmt.Sprintf("%s: %s", rel, why)}, nil
	}
	var violations []string
	for _, spec := range source.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if why := forbidden(pkg, imported, strings.HasSuffix(rel, "_test.go")); why != "" {
			violations = append(violations, fmt.Sprintf("%s imports %s: %s", rel, imported, why))
		}
	}
	return violations, nil
}

// unplanned says why a package has no place in the plan, or nothing.
func unplanned(pkg string) string {
	name := roomOf(pkg)
	r, ok := plan[name]
	if !ok {
		return fmt.Sprintf("the folder %s is not in the plan of the house", pkg)
	}
	if pkg == name || r.parts == nil {
		return ""
	}
	part, _, _ := strings.Cut(strings.TrimPrefix(pkg, name+"/"), "/")
	if !slices.Contains(r.parts, part) {
		return fmt.Sprintf("the folder %s is not in the plan of the house; %s has %s",
			pkg, name, strings.Join(r.parts, ", "))
	}
	return ""
}

// forbidden says why a package may not import another, or nothing.
func forbidden(pkg, imported string, test bool) string {
	if why := restricted(pkg, imported, test); why != "" || test {
		return why
	}
	if inner, ours := inHouse(imported); ours {
		return arrow(pkg, inner)
	}
	if plan[roomOf(pkg)].stdOnly && foreign(imported) {
		return "the ground floor imports the standard library only"
	}
	return ""
}

// restricted applies the restrictions.
func restricted(pkg, imported string, test bool) string {
	for _, r := range restrictions {
		if test && !r.tests || !beneathAny(imported, r.imports) {
			continue
		}
		if r.only != nil && !beneathAny(pkg, r.only) || beneathAny(pkg, r.never) {
			return r.why
		}
	}
	return ""
}

// arrow says why a package of ours may not import another of ours, or nothing.
func arrow(pkg, imported string) string {
	from, to := roomOf(pkg), roomOf(imported)
	r := plan[from]
	if r.open || slices.Contains(r.may, to) {
		return ""
	}
	if from == to && from != "" && (r.anyOf || beneath(imported, pkg)) {
		return ""
	}
	return fmt.Sprintf("%s may import %s", describe(from), allowed(r))
}

// allowed lists what a room may import, for a message.
func allowed(r room) string {
	names := make([]string, len(r.may))
	for i, m := range r.may {
		names[i] = describe(m)
	}
	if len(names) == 0 {
		return "nothing else of ours"
	}
	return strings.Join(names, ", ") + " and nothing else of ours"
}

// describe names a room, for a message.
func describe(name string) string {
	if name == "" {
		return "the root"
	}
	return name
}

// roomOf returns the room a package is in: its top-level folder, or the program for one beneath cmd.
func roomOf(pkg string) string {
	first, rest, _ := strings.Cut(pkg, "/")
	if first != "cmd" {
		return first
	}
	program, _, _ := strings.Cut(rest, "/")
	return path.Join(first, program)
}

// inHouse returns the path of an imported package within the house, and whether it is of the house.
func inHouse(imported string) (string, bool) {
	if imported == module {
		return "", true
	}
	return strings.CutPrefix(imported, module+"/")
}

// foreign reports whether a package is outside the standard library.
func foreign(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

// beneath reports whether a package is another or beneath it.
func beneath(pkg, other string) bool {
	return pkg == other || strings.HasPrefix(pkg, other+"/")
}

// beneathAny reports whether a package is one of others or beneath one.
func beneathAny(pkg string, others []string) bool {
	return slices.ContainsFunc(others, func(other string) bool { return beneath(pkg, other) })
}
