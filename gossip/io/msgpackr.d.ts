/** The package describes only its main door. */
declare module "msgpackr/index-no-eval" {
  export { Packr } from "msgpackr";
}
