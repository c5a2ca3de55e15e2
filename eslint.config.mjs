// Lint rules: typescript-eslint's strict, type-aware set, and Pulumi's own rule for outputs in templates.
import pulumi from "@pulumi/eslint-plugin";
import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["dist/", "**/node_modules/", "runtime/target/", ".authentic/", "eslint.config.mjs"] },
    {
        files: ["{provider,resources,test,tools,examples,bench}/**/*.ts", "tools/**/*.{mjs,cjs}"],
        extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
        languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
        linterOptions: { reportUnusedDisableDirectives: "error" },
        plugins: { "@pulumi": pulumi },
        rules: {
            "@pulumi/no-output-in-template-literal": "error",
            // noPropertyAccessFromIndexSignature is a matter of taste; both spellings are clear.
            "@typescript-eslint/dot-notation": "off",
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
            // An interface with one call signature reads as well as a function type, and can be documented.
            "@typescript-eslint/prefer-function-type": "off",
            // "" means "not set" in protocol buffers and environment variables.
            "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { string: true }, ignoreTernaryTests: true }],
            // It asks for the very `!` that no-non-null-assertion forbids.
            "@typescript-eslint/non-nullable-type-assertion-style": "off",
            eqeqeq: ["error", "always"],
            "no-console": "off",
        },
    },
    {
        files: ["test/**/*.ts"],
        rules: {
            // Mocha's describe and it take functions that return nothing.
            "@typescript-eslint/no-floating-promises": "error",
            // Stand-ins implement asynchronous interfaces without having to wait for anything.
            "@typescript-eslint/require-await": "off",
            // Expectations read from parsed JSON in tests.
            "@typescript-eslint/no-non-null-assertion": "off",
        },
    },
    {
        files: ["tools/**/*.{mjs,cjs}"],
        rules: {
            // JSON.parse gives any; the types of what it returns are stated in JSDoc.
            "@typescript-eslint/no-unsafe-assignment": "off",
            "@typescript-eslint/no-unsafe-member-access": "off",
            "@typescript-eslint/no-unsafe-return": "off",
            "@typescript-eslint/no-unsafe-argument": "off",
            "@typescript-eslint/no-unsafe-call": "off",
            "@typescript-eslint/no-require-imports": "off",
        },
    },
);
