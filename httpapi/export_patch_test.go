package httpapi

// MergePatch is RFC 7396's.
var MergePatch = mergePatch
