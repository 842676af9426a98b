// For the checker of types alone: the vendored module has the types of the package that it was copied from.
export * from "lightweight-charts";
