// @hey-api/openapi-ts, with file extensions in its imports: without them Node.js does not find the modules.
export default {
  input: "openapi.json",
  output: { path: "hey", importFileExtension: ".js" },
  plugins: ["@hey-api/client-fetch"],
};
